import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { StoreError } from '../../src/errors/index.js';
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

/** From now on leases cannot be deleted, nor can what is told. */
function keepsLeases(store: RepositoryLab['store'], as: 'failed' | 'retained'): () => void {
  const all = store.delete.bind(store);
  store.delete = async (keys, options) => {
    const kept = keys.filter((key) => key.startsWith('writers/'));
    const result = await all(
      keys.filter((key) => !kept.includes(key)),
      options,
    );
    if (as === 'retained') return { ...result, retained: [...result.retained, ...kept] };
    const failed = kept.map((key) => ({ key, error: new StoreError('denied', `${key} may not be deleted`) }));
    return { ...result, failed: [...result.failed, ...failed] };
  };
  return () => void (store.delete = all);
}

describe.each([
  ['is removed', undefined],
  ['cannot be removed', 'failed'],
  ['is locked', 'retained'],
] as const)('a writer whose lease %s', (_how, kept) => {
  test.each([
    ['before its next sign of life', 0],
    ['after it', 2 * minute],
  ])('and who stood still for days does not commit, %s', async (_when, ms) => {
    const { lab, writer, commit } = await running();
    const restoreDelete = kept === undefined ? () => undefined : keepsLeases(lab.store, kept);
    await collected(lab);
    restoreDelete();
    await jest.advanceTimersByTimeAsync(ms);
    await expect(commit()).rejects.toMatchObject({ retryable: true });
    await writer.abort();
    expect(lab.store.keys.filter((key) => key.startsWith('writers/'))).toEqual([]);
    expect(await lab.service.readManifest({ id: 'b2', volumeId: 'v1' })).toBeUndefined();
  });
});

test('what a dead lease names goes after it, and not before', async () => {
  const { lab, writer } = await running();
  const before = lab.store.keys.filter((key) => /^(?:data|map|writers)|root$/.test(key));
  await lab.service.delete({ id: 'b1', volumeId: 'v1' });
  const restoreDelete = keepsLeases(lab.store, 'failed');
  for (let day = 0; day < 4; day++) {
    lab.store.pass(25);
    expect(await lab.service.collectGarbage()).toMatchObject({ marked: 0, deleted: 0, failed: 1 });
  }
  expect(lab.store.keys).toEqual(expect.arrayContaining(before));
  restoreDelete();
  for (let day = 0; day < 2; day++) {
    lab.store.pass(25);
    await lab.service.collectGarbage();
  }
  expect(lab.store.keys).toEqual(['repository.json']);
  await writer.abort();
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

describe('a sign of life that the store does not answer', () => {
  // Node's own knows nothing of the time that is let pass.
  beforeEach(() => {
    jest.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
      const controller = new AbortController();
      setTimeout(() => {
        controller.abort();
      }, ms);
      return controller.signal;
    });
  });
  afterEach(() => void jest.restoreAllMocks());

  /** A writer one of whose signs of life did not arrive, and what has it arrive. */
  async function stuck() {
    const writing = await running();
    const { store } = writing.lab;
    const put = store.put.bind(store);
    let land: (() => Promise<unknown>) | undefined;
    store.put = (key, body, options) => {
      if (land !== undefined || !key.startsWith('writers/')) return put(key, body, options);
      land = () => put(key, body);
      return new Promise(() => undefined);
    };
    await jest.advanceTimersByTimeAsync(7 * 60 * minute);
    return { ...writing, land: () => land!() };
  }

  test('keeps no later one, nor the backup', async () => {
    const { lab, bytes, commit } = await stuck();
    const [[, lease] = []] = [...lab.store.objects].filter(([key]) => key.startsWith('writers/'));
    const { beat } = JSON.parse(lease!.bytes.toString()) as { readonly beat: number };
    expect(beat).toBeGreaterThan(1);
    await commit();
    expect((await lab.restored('b2')).equals(bytes)).toBe(true);
  });

  test('and that arrives once the lease was removed does not let the writer commit', async () => {
    const { lab, land, writer, commit } = await stuck();
    await collected(lab);
    await land();
    await expect(commit()).rejects.toMatchObject({ retryable: true });
    await writer.abort();
    expect(await lab.service.readManifest({ id: 'b2', volumeId: 'v1' })).toBeUndefined();
  });
});

test.each([
  ['lease', 'writers/'],
  ["parent's root", 'volumes/v1/b1/'],
])('nothing is deleted where the %s of a running backup cannot be read', async (_what, prefix) => {
  const { lab, bytes, commit } = await running();
  const { store, service } = lab;
  await service.delete({ id: 'b1', volumeId: 'v1' });
  const key = store.keys.find((name) => name.startsWith(prefix.replace(/v1|b1/g, 'i-$&')))!;
  for (let hours = 0; hours < 60; hours += 10) {
    await jest.advanceTimersByTimeAsync(minute);
    store.pass(10);
    const object = store.objects.get(key)!;
    store.objects.set(key, { ...object, bytes: Buffer.from('{') });
    await expect(service.collectGarbage()).rejects.toMatchObject({ code: 'REPOSITORY_DAMAGED' });
    expect(store.keys.filter((name) => name.startsWith('gc/'))).toEqual([]);
    store.objects.set(key, object);
  }
  await commit();
  expect((await lab.restored('b2')).equals(bytes)).toBe(true);
});
