import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { ChangingDisk, range } from './support/generations.js';
import { manifestFor, RepositoryLab } from './support/repository-lab.js';

const minute = 60_000;

// Only what makes a writer give its signs of life; all else runs as it does.
beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] }));
afterEach(() => void jest.useRealTimers());

/** A writer that has all bytes of a second backup, and that backup's parent. */
async function running() {
  const lab = await RepositoryLab.create();
  const disk = new ChangingDisk(2000, 8).write(...range(0, 1500));
  await lab.storeStream('b1', disk.stream());
  const bytes = disk.write(...range(0, 10)).stream();
  const writer = await lab.service.openBackup({ id: 'b2', volumeId: 'v1' });
  await writer.write(bytes);
  return { lab, bytes, writer, commit: () => writer.commit(manifestFor('b2', 'v1', bytes)) };
}

/** What others do in four days, in which the writer's machine stands still. */
async function collected({ service, store }: RepositoryLab): Promise<void> {
  await service.delete({ id: 'b1', volumeId: 'v1' });
  for (let day = 0; day < 4; day++) {
    store.pass(25);
    await service.collectGarbage();
  }
}

test.each([
  ['before its next sign of life', 0],
  ['after it', 2 * minute],
])('a writer that stood still for days does not commit, %s', async (_when, ms) => {
  const { lab, writer, commit } = await running();
  await collected(lab);
  await jest.advanceTimersByTimeAsync(ms);
  await expect(commit()).rejects.toMatchObject({ retryable: true });
  await writer.abort();
  expect(lab.store.keys.filter((key) => key.startsWith('writers/'))).toEqual([]);
  expect(await lab.service.readManifest({ id: 'b2', volumeId: 'v1' })).toBeUndefined();
});

test('a writer that gives its signs of life commits after days', async () => {
  const { lab, bytes, commit } = await running();
  await lab.service.delete({ id: 'b1', volumeId: 'v1' });
  for (let hours = 0; hours < 100; hours += 10) {
    lab.store.pass(10);
    await jest.advanceTimersByTimeAsync(minute);
    await lab.service.collectGarbage();
  }
  await commit();
  expect((await lab.restored('b2')).equals(bytes)).toBe(true);
});
