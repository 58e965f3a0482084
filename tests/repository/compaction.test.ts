import { describe, expect, test } from '@jest/globals';
import { buffer } from 'node:stream/consumers';
import type { RepositoryBackupServiceOptions } from '../../src/repository/index.js';
import { recordKey } from '../../src/repository/format/names.js';
import { ChangingDisk, range } from './support/generations.js';
import { RepositoryLab } from './support/repository-lab.js';

const collecting = { maxRepackBytes: 2 ** 30 };
const day = 25;

/** Two backups of a volume, of which the second shares 5 of 30 grains with the first; the first is deleted. */
async function mostlyDead(options: Partial<RepositoryBackupServiceOptions> = {}) {
  const lab = await RepositoryLab.create(options);
  const disk = new ChangingDisk(600, 8).write(...range(0, 30));
  await lab.storeStream('b1', disk.stream());
  const second = disk.write(...range(0, 25)).stream();
  await lab.storeStream('b2', second);
  if (options.retainDays === undefined) await lab.service.delete({ id: 'b1', volumeId: 'v1' });
  lab.store.pass(day);
  return { lab, disk, second };
}

/** Collections, a grace apart. */
async function collect(lab: RepositoryLab, runs: number, options: object = collecting) {
  const reports = [];
  for (let run = 0; run < runs; run++) {
    reports.push(await lab.service.collectGarbage(options));
    lab.store.pass(day);
  }
  return reports;
}

const dataBytes = ({ store }: RepositoryLab): number =>
  store.keys
    .filter((key) => key.startsWith('data/'))
    .reduce((sum, key) => sum + store.objects.get(key)!.bytes.length, 0);
const rewritings = ({ store }: RepositoryLab): string[] => store.keys.filter((key) => /^data\/.*\./.test(key));

describe.each([
  ['plain', {}],
  ['encrypted', { encryption: { passphrase: 'correct horse' } }],
])('a pack of which little is needed is rewritten (%s)', (_kind, options) => {
  test('in two runs, and what it was goes in two more', async () => {
    const { lab, disk, second } = await mostlyDead(options);
    const before = dataBytes(lab);
    const reports = await collect(lab, 4);
    expect(reports.map(({ repacked }) => repacked)).toEqual([0, 1, 0, 0]);
    expect(rewritings(lab)).toHaveLength(1);
    expect(dataBytes(lab)).toBe(before - reports[1]!.repackedBytes);
    expect(dataBytes(lab)).toBeLessThan(0.6 * before);

    expect(await lab.restored('b2')).toEqual(second);
    expect(await lab.service.verify({ level: 'full' })).toMatchObject({ damage: [] });
    // A later backup shares what is left of it.
    const third = disk.write(7).stream();
    expect(await lab.storeStream('b3', third)).toMatchObject({ increment: { grainsNew: 1, grainsSame: 29 } });
    expect(await lab.restored('b3')).toEqual(third);
    expect((await collect(lab, 4)).every(({ repacked }) => repacked === 0)).toBe(true);
  });

  test('under a reader that has begun', async () => {
    const { lab, second } = await mostlyDead({ ...options, packBytes: 64 * 1024 });
    const { stream } = await lab.service.openRestore({ id: 'b2', volumeId: 'v1' });
    const first = (await stream[Symbol.asyncIterator]().next()) as { value: Buffer };
    await collect(lab, 4);
    expect(Buffer.concat([first.value, await buffer(stream)])).toEqual(second);
  });
});

describe('a pack stays as it is', () => {
  test('unless it is asked for', async () => {
    const { lab } = await mostlyDead();
    await collect(lab, 4, {});
    expect(rewritings(lab)).toEqual([]);
  });

  test('where the budget does not reach', async () => {
    const { lab } = await mostlyDead();
    await collect(lab, 4, { maxRepackBytes: 1000 });
    expect(rewritings(lab)).toEqual([]);
  });

  test('in a dry run, which tells', async () => {
    const { lab } = await mostlyDead();
    await collect(lab, 1);
    expect(await lab.service.collectGarbage({ ...collecting, dryRun: true })).toMatchObject({ repacked: 1 });
    expect(rewritings(lab)).toEqual([]);
  });

  test('as long as it is locked', async () => {
    const { lab } = await mostlyDead({ retainDays: 10 });
    const locked = lab.store.objects.get(lab.store.keys.find((key) => key.startsWith('data/'))!)!.retainUntil!;
    // Its own lock has ended; what the second backup shares with it is locked for that one's sake.
    expect(lab.store.objects.delete(recordKey('v1', 'b1'))).toBe(true);
    await collect(lab, 4);
    expect(rewritings(lab)).toEqual([]);
    lab.store.pass((locked.getTime() - lab.store.now().getTime()) / (60 * 60 * 1000));
    await collect(lab, 2);
    expect(rewritings(lab)).toHaveLength(1);
  });

  test('where half of it is needed', async () => {
    const lab = await RepositoryLab.create();
    const disk = new ChangingDisk(600, 8).write(...range(0, 30));
    await lab.storeStream('b1', disk.stream());
    await lab.storeStream('b2', disk.write(...range(0, 10)).stream());
    await lab.service.delete({ id: 'b1', volumeId: 'v1' });
    lab.store.pass(day);
    await collect(lab, 4);
    expect(rewritings(lab)).toEqual([]);
  });

  test('where a grain that was not needed is needed again when the grace is over', async () => {
    const { lab } = await mostlyDead();
    const record = lab.store.objects.get('volumes/i-v1/i-b2/manifest.json')!;
    // A store that lists late: the backup that needs them was there all the time.
    const early = new ChangingDisk(600, 8).write(...range(0, 30));
    lab.store.objects.delete('volumes/i-v1/i-b2/manifest.json');
    await lab.storeStream('b0', early.stream(), 'v1');
    lab.store.objects.set('volumes/i-v1/i-b2/manifest.json', record);
    await collect(lab, 2);
    expect(await lab.restored('b0')).toEqual(early.stream());
  });

  test('where a grain in it is broken', async () => {
    const { lab } = await mostlyDead();
    for (const key of lab.store.keys.filter((name) => name.startsWith('data/'))) {
      const { bytes } = lab.store.objects.get(key)!;
      bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40);
    }
    const reports = await collect(lab, 4);
    expect(reports.every(({ repacked }) => repacked === 0)).toBe(true);
  });
});

test('what a pack was stays where its rewriting is not whole', async () => {
  const { lab, second } = await mostlyDead();
  await collect(lab, 2);
  const [key] = rewritings(lab);
  const { bytes } = lab.store.objects.get(key!)!;
  lab.store.objects.get(key!)!.bytes = bytes.subarray(10);
  const reports = await collect(lab, 3);
  expect(reports.map(({ failed, deleted }) => [failed, deleted])).toEqual([
    [0, 0],
    [1, 0],
    [0, 0],
  ]);
  expect(await lab.restored('b2')).toEqual(second);
});
