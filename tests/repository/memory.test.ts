import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { RepositoryBackupService } from '../../src/repository/index.js';
import { takesByValue } from '../../src/services/backup-service.js';
import type { GetOptions } from '../../src/stores/index.js';
import { claimChunks } from '../../src/stream/chunk-readable.js';
import { digestThreads } from '../../src/stream/digest-threads.js';
import { ChangingDisk, range } from './support/generations.js';
import { manifestFor, RepositoryLab, SteppedStore } from './support/repository-lab.js';

const passphrase = 'correct horse battery staple';
/** Some megabytes: more than is hashed on the main thread. */
const disk = () => new ChangingDisk(3000).write(...range(0, 100), ...range(1500, 1550));

describe.each([
  ['plain', {}],
  ['encrypted', { encryption: { passphrase } }],
])('a repository that is %s', (_kind, options) => {
  test('comes back to the byte where grains are hashed in other threads', async () => {
    const lab = await RepositoryLab.create(options);
    const bytes = disk().stream();
    await lab.storeStream('b1', bytes);
    expect(digestThreads.size).toBeGreaterThan(0);
    expect((await lab.restored('b1')).equals(bytes)).toBe(true);
    expect((await lab.service.verify({ level: 'full' })).damage).toEqual([]);
  });

  test('has done with a chunk when its write has resolved, as it says', async () => {
    const lab = await RepositoryLab.create(options);
    const bytes = disk().stream();
    const writer = await lab.service.openBackup({ id: 'b1', volumeId: 'v1' });
    expect(takesByValue in writer).toBe(true);
    const chunk = Buffer.alloc(100_000);
    for (let from = 0; from < bytes.length; from += chunk.length) {
      const copied = bytes.copy(chunk, 0, from);
      await writer.write(chunk.subarray(0, copied));
      chunk.fill(0xee);
    }
    await writer.commit(manifestFor('b1', 'v1', bytes));
    expect((await lab.restored('b1')).equals(bytes)).toBe(true);
  });
});

/** Counts the reads that are under way at once. */
class CountingStore extends SteppedStore {
  underWay = 0;
  most = 0;

  override async get(key: string, options: GetOptions = {}): Promise<Readable> {
    this.most = Math.max(this.most, ++this.underWay);
    await new Promise(setImmediate);
    const stream = await super.get(key, options);
    return stream.once('close', () => (this.underWay -= 1));
  }
}

test('a restore from very many packs reads a few at a time', async () => {
  const store = new CountingStore();
  const service = new RepositoryBackupService({ store, packBytes: 64 * 1024 });
  await service.initialize();
  // Grains that do not compress: a pack each.
  const changing = new ChangingDisk(300).write(...range(0, 200));
  const bytes = changing.stream();
  const writer = await service.openBackup({ id: 'b1', volumeId: 'v1' });
  await writer.write(bytes);
  await writer.commit(manifestFor('b1', 'v1', bytes));
  expect(store.keys.filter((key) => key.startsWith('data/')).length).toBeGreaterThan(50);
  const directory = await mkdtemp(join(tmpdir(), 'repository-'));
  try {
    const path = join(directory, 'restored.vmdk');
    store.most = 0;
    await service.restore({ id: 'b1', volumeId: 'v1' }, 'v1', { path });
    expect((await readFile(path)).equals(bytes)).toBe(true);
    expect(store.most).toBeGreaterThan(1);
    // Eight of grains, and what is read of the map meanwhile.
    expect(store.most).toBeLessThanOrEqual(16);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('bytes that cannot be given are never taken for the end', async () => {
  const lab = await RepositoryLab.create();
  const bytes = disk().stream();
  await lab.storeStream('b1', bytes);
  lab.store.objects.delete(lab.store.keys.filter((key) => key.startsWith('data/')).at(-1)!);
  const { stream } = await lab.service.openRestore({ id: 'b1', volumeId: 'v1' });
  const chunks = claimChunks(stream)!;
  let given = 0;
  for (let failed = 0; failed < 3;) {
    const chunk = await chunks.next().catch((error: unknown) => {
      expect(error).toHaveProperty('code', 'REPOSITORY_DAMAGED');
      failed += 1;
      return Buffer.alloc(0);
    });
    given += chunk!.length;
  }
  expect(given).toBeLessThan(bytes.length);
  await chunks.close();
  await expect(chunks.next()).rejects.toThrow();
});

describe('a file', () => {
  test('is filled whatever it held, and empty where the restore fails', async () => {
    const lab = await RepositoryLab.create();
    const bytes = disk().stream();
    await lab.storeStream('b1', bytes);
    const directory = await mkdtemp(join(tmpdir(), 'repository-'));
    try {
      const path = join(directory, 'restored.vmdk');
      await writeFile(path, randomBytes(bytes.length + 1000));
      const done: number[] = [];
      const backup = { id: 'b1', volumeId: 'v1' };
      await lab.service.restore(backup, 'v1', { path }, { onProgress: ({ bytesDone }) => done.push(bytesDone) });
      expect((await readFile(path)).equals(bytes)).toBe(true);
      expect(done.at(-1)).toBe(bytes.length);

      const pack = lab.store.keys.filter((key) => key.startsWith('data/')).at(-1)!;
      lab.store.objects.delete(pack);
      await expect(lab.service.restore(backup, 'v1', { path })).rejects.toMatchObject({ code: 'REPOSITORY_DAMAGED' });
      expect(await readFile(path)).toHaveLength(0);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
