import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { keyBytes } from '../../src/repository/format/blob.js';
import { recordKey } from '../../src/repository/format/names.js';
import { directoryBytes, formatDirectory, parseDirectory } from '../../src/repository/format/pack.js';
import type { RepositoryBackupServiceOptions } from '../../src/repository/index.js';
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

test('what a run marked for it stays marked over runs that rewrite nothing', async () => {
  const { lab, second } = await mostlyDead();
  const reports = [];
  for (let run = 0; run < 5; run++) reports.push(...(await collect(lab, 1, run % 3 === 0 ? collecting : {})));
  expect(reports.map(({ repacked }) => repacked)).toEqual([0, 0, 0, 1, 0]);
  expect(await lab.restored('b2')).toEqual(second);
});

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

/** A pack's object as it is without one more of its blobs, which is whole by itself. */
function withoutOneMore(bytes: Buffer): Buffer {
  const blobs = bytes.readUInt32LE(bytes.length - 8);
  const { offsets, keys } = parseDirectory(bytes.subarray(-directoryBytes(blobs)), blobs)!;
  const lengths = Array.from({ length: blobs }, (_, ordinal) => offsets[ordinal + 1]! - offsets[ordinal]!);
  const gone = lengths.findIndex((length) => length > 0);
  const data = Buffer.concat([bytes.subarray(0, offsets[gone]), bytes.subarray(offsets[gone + 1], offsets[blobs])]);
  const blobKeys = lengths.map((_, ordinal) => keys.subarray(ordinal * keyBytes, (ordinal + 1) * keyBytes));
  return Buffer.concat([data, formatDirectory(lengths.with(gone, 0), blobKeys)]);
}

test('what a pack was stays where its rewriting lacks a grain that is needed', async () => {
  const { lab, second } = await mostlyDead();
  await collect(lab, 2);
  const rewriting = lab.store.objects.get(rewritings(lab)[0]!)!;
  rewriting.bytes = withoutOneMore(rewriting.bytes);
  const reports = await collect(lab, 3, {});
  expect(reports.map(({ failed, deleted }) => [failed, deleted])).toContainEqual([1, 0]);
  expect(await lab.restored('b2')).toEqual(second);
});

describe('a reader goes on to another object of a pack', () => {
  const ownKey = (rewriting: string): string => rewriting.replace(/\.[0-9a-f]{24}$/, '');
  const breakGrain = ({ store }: RepositoryLab, key: string): void => {
    const { bytes } = store.objects.get(key)!;
    bytes.fill(0, 0, bytes.length - 1000);
  };

  test('where the pack itself is broken', async () => {
    const { lab, second } = await mostlyDead();
    await collect(lab, 2);
    breakGrain(lab, ownKey(rewritings(lab)[0]!));
    expect(await lab.restored('b2')).toEqual(second);
  });

  test('where the pack is gone and its shortest rewriting is broken, or lacks what is needed', async () => {
    for (const spoil of [breakGrain, undefined]) {
      const { lab, second } = await mostlyDead();
      await collect(lab, 2);
      const [whole = ''] = rewritings(lab);
      const { bytes, ...others } = lab.store.objects.get(whole)!;
      const shorter = `${ownKey(whole)}.${'0'.repeat(24)}`;
      lab.store.objects.set(shorter, { ...others, bytes: withoutOneMore(bytes) });
      spoil?.(lab, shorter);
      lab.store.objects.delete(ownKey(whole));
      expect(await lab.restored('b2')).toEqual(second);
    }
  });

  test('and says what is wrong with the first where all are broken', async () => {
    const { lab } = await mostlyDead();
    await collect(lab, 2);
    for (const key of lab.store.keys.filter((name) => name.startsWith('data/'))) breakGrain(lab, key);
    await expect(lab.restored('b2')).rejects.toMatchObject({ code: 'REPOSITORY_DAMAGED' });
  });
});
