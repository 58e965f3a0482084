import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { collectGarbage } from '../../src/repository/care/collect-garbage.js';
import { recordKey, rootKey } from '../../src/repository/format/names.js';
import { newAttempt } from '../../src/repository/format/pack-id.js';
import { formatRecord } from '../../src/repository/format/record.js';
import { formatRoot, type Root } from '../../src/repository/format/root.js';
import { putVarint } from '../../src/repository/format/varint.js';
import { findRecord, readRoot } from '../../src/repository/repository.js';
import { MemoryPool } from '../../src/repository/stream/memory-pool.js';
import { operation } from '../../src/repository/stream/recipe.js';
import { plainVault as vault } from '../../src/repository/vault/plain-vault.js';
import { PackWriter } from '../../src/repository/write/pack-writer.js';
import { buildVmdk } from '../vmdk/support/build-vmdk.js';
import { noise } from '../vmdk/support/disks.js';
import { ChangingDisk, range } from './support/generations.js';
import { RepositoryLab } from './support/repository-lab.js';

const backup = { id: 'b1', volumeId: 'v1' };

/** The disks of the most grains, and the most bytes, that a header can tell of, and a grain at their end. */
test.each([
  ['has more grains than a map has room for, and is kept as it is', 0xffff_ffff, 32, 0],
  ['is the largest in grains as everybody writes them', 2 ** 30, 128, 2],
])('a stream whose disk %s comes back to the byte', async (_what, grainCount, grainSize, grainsNew) => {
  const lab = await RepositoryLab.create();
  const grain = noise('end', grainSize * 512);
  const { bytes } = buildVmdk({
    layout: 'esxi',
    capacity: grainCount * grainSize,
    grainSize,
    entriesPerTable: 65_536,
    grains: new Map(grainsNew === 0 ? [[grainCount - 1, grain]] : [0, grainCount - 1].map((place) => [place, grain])),
  });
  const { increment } = await lab.storeStream('b1', bytes);
  expect(increment.grainsNew).toBe(grainsNew);
  expect((await lab.restored('b1')).equals(bytes)).toBe(true);
  expect((await lab.service.verify({ level: 'full' })).damage).toEqual([]);
  expect(await lab.service.collectGarbage()).toMatchObject({ deleted: 0 });
});

test('a root that could not be read again is not written', async () => {
  const pack = { id: `${newAttempt()}00000000`, blobs: 1, bytes: 65_536, keysDigest: Buffer.alloc(16) };
  const dataPacks = new Array<typeof pack>(6_500_000).fill(pack);
  const root: Root = { grainBytes: 65_536, dataPacks, mapPacks: [], pages: new Map(), recipe: [] };
  await expect(formatRoot(root)).rejects.toMatchObject({ code: 'BACKUP_SERVICE_FAILED', retryable: false });
});

/** A repository with a backup, and what puts another root in the place of its own: of one that is not encrypted anybody can. */
async function forgeable() {
  const lab = await RepositoryLab.create();
  await lab.storeStream('b1', new ChangingDisk(600, 8).write(...range(0, 30)).stream());
  const repository = { store: lab.store, id: 'r', vault, packBytes: 65_536, concurrency: 1, retainDays: undefined };
  const record = (await findRecord(repository, backup, undefined))!;
  const root = await readRoot(repository, record, undefined);
  const forge = async (changes: Partial<Root>): Promise<void> => {
    const bytes = await formatRoot({ ...root, ...changes });
    await lab.store.put(rootKey('v1', 'b1', record.attempt), bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const forged = formatRecord({ ...record, root: { bytes: bytes.length, sha256 } }, vault);
    await lab.store.put(recordKey('v1', 'b1'), forged);
  };
  return { lab, repository, root, forge };
}

describe('a root is not believed', () => {
  test.each([
    ['more blobs than any pack has', { blobs: 70_000, bytes: 2 ** 40 }],
    ['a directory that is longer than the pack', { blobs: 16_000, bytes: 300_000 }],
    ['more blobs than there is memory for', { blobs: 0xffff_ffff, bytes: 2 ** 47 }],
  ])('where it tells of %s', async (_what, claim) => {
    const { lab, repository, root, forge } = await forgeable();
    await forge({ dataPacks: root.dataPacks.map((pack) => ({ ...pack, ...claim })) });
    const damaged = { code: 'REPOSITORY_DAMAGED' };
    await expect(lab.service.openRestore(backup)).rejects.toMatchObject(damaged);
    lab.store.pass(25);
    await expect(collectGarbage(repository, { maxRepackBytes: Infinity })).rejects.toMatchObject(damaged);
    expect((await lab.service.verify({ level: 'full' })).damage).toHaveLength(1);
  });

  test('where it names a blob that its pack does not have', async () => {
    const { lab, root, forge } = await forgeable();
    const pages = new Map([...root.pages].map(([number, { pack }]) => [number, { pack, ordinal: 16_000 }]));
    await forge({ pages });
    await expect(lab.service.openRestore(backup)).rejects.toMatchObject({ code: 'REPOSITORY_DAMAGED' });
  });
});

test('a recipe cannot write more than the backup has', async () => {
  const { lab, forge } = await forgeable();
  // A header with a directory of 256 KiB, and that again and again.
  const header = buildVmdk({ layout: 'esxi', capacity: 2 ** 32, grains: new Map() }).bytes.subarray(0, 512);
  const bytes: number[] = [];
  putVarint(bytes, operation.verbatim);
  putVarint(bytes, header.length);
  const recipe = Buffer.concat([Buffer.from(bytes), header, Buffer.alloc(1000, operation.grainDirectory)]);
  const packs = new PackWriter({
    store: lab.store,
    vault,
    kind: 'map',
    attempt: newAttempt(),
    packBytes: 65_536,
    concurrency: 1,
    retainUntil: undefined,
    signal: new AbortController().signal,
    memory: new MemoryPool({ bytes: 65_536, spares: 0 }),
  });
  const piece = await promisify(deflate)(recipe);
  const [key] = await vault.keysOf([piece]);
  const address = await packs.add(piece, key!);
  await forge({ mapPacks: await packs.finish(), pages: new Map(), recipe: [address] });
  const { stream } = await lab.service.openRestore(backup);
  let given = 0;
  const reading = async (): Promise<void> => {
    for await (const chunk of stream) given += (chunk as Buffer).length;
  };
  await expect(reading()).rejects.toMatchObject({ code: 'REPOSITORY_DAMAGED' });
  expect(given).toBeLessThan(8 * 1024 * 1024);
});

test('an object without end is not read to it', async () => {
  const { lab } = await forgeable();
  const get = lab.store.get.bind(lab.store);
  let given = 0;
  function* endless(): Generator<Buffer> {
    // More than this would be all there is, for all that a test can wait.
    while (given < 200) {
      given += 1;
      yield Buffer.alloc(1024 * 1024, ' ');
    }
  }
  lab.store.get = (key, options) =>
    key.endsWith('manifest.json')
      ? Promise.resolve(Readable.from(endless(), { objectMode: false }))
      : get(key, options);
  await expect(lab.service.readManifest(backup)).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'integrity' });
  expect(given).toBeLessThan(200);
});

test('a restore reads no more ahead of a disk with large grains', async () => {
  const lab = await RepositoryLab.create({ packBytes: 1024 * 1024 });
  const bytes = new ChangingDisk(100, 2048).write(...range(0, 100)).stream('esxi', { level: 0 });
  await lab.storeStream('b1', bytes);
  const get = lab.store.get.bind(lab.store);
  let read = 0;
  lab.store.get = (key, options) => {
    read += key.startsWith('data/') ? (options?.range?.length ?? 0) : 0;
    return get(key, options);
  };
  const { stream } = await lab.service.openRestore(backup);
  await stream[Symbol.asyncIterator]().next();
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThan(50 * 1024 * 1024);
  stream.destroy();
});

test('marks are put a thousand to an object', async () => {
  const lab = await RepositoryLab.create();
  const { store, service } = lab;
  for (const number of range(0, 2500)) {
    await store.put(`data/${newAttempt()}/${number.toString(16).padStart(8, '0')}`, Buffer.alloc(8));
  }
  store.pass(25);
  expect(await service.collectGarbage()).toMatchObject({ marked: 2500, deleted: 0 });
  const marks = store.keys.filter((key) => key.startsWith('gc/')).map((key) => store.objects.get(key)!.bytes);
  const counts = marks.map((bytes) => (JSON.parse(bytes.toString()) as { keys: string[] }).keys.length);
  expect(counts.sort()).toEqual([1000, 1000, 500]);
  store.pass(25);
  expect(await service.collectGarbage()).toMatchObject({ marked: 0, deleted: 2500 });
  expect(store.keys).toEqual(['repository.json']);
});
