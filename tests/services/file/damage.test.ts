import { randomBytes } from 'node:crypto';
import { appendFile, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TemporaryStore } from './temporary-store.js';

const mebibyte = 1024 * 1024;
const length = 3 * mebibyte + 777;
const backup = { id: 'backup-1', volumeId: 'volume-1' };

let store: TemporaryStore;
beforeEach(async () => {
  store = await TemporaryStore.create();
  await store.fill(backup, length);
});
afterEach(async () => store[Symbol.asyncDispose]());

async function flipBit(path: string, position: number): Promise<void> {
  const handle = await open(path, 'r+');
  const { buffer: byte } = await handle.read(Buffer.alloc(1), 0, 1, position);
  await handle.write(Buffer.from([byte[0]! ^ 1]), 0, 1, position);
  await handle.close();
}

describe.each<[string, (path: string) => Promise<void>]>([
  ['has lost its last byte', async (path) => truncate(path, length - 1)],
  ['was emptied', async (path) => truncate(path, 0)],
  ['has a byte more', async (path) => appendFile(path, 'x')],
  ['has another first bit', async (path) => flipBit(path, 0)],
  ['has another bit in the middle', async (path) => flipBit(path, mebibyte)],
  ['has another last bit', async (path) => flipBit(path, length - 1)],
  ['is missing', async (path) => rm(path)],
])('data that %s', (_, damage) => {
  beforeEach(async () => damage(await store.dataPath()));

  it('is not restored to a file', async () => {
    const file = await store.file();
    await expect(store.service.restore(backup, 'v', file)).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
    expect((await readFile(file.path)).length).toBe(0);
  });

  it('is never delivered whole as a stream', async () => {
    let received = 0;
    let ended = false;
    const read = async () => {
      const { stream } = await store.service.openRestore(backup);
      stream.on('end', () => (ended = true));
      for await (const chunk of stream) received += (chunk as Uint8Array).length;
    };
    await expect(read()).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
    expect(ended).toBe(false);
    expect(received).toBeLessThan(length);
  });
});

it('notices that data shrinks while it is read', async () => {
  const { stream } = await store.service.openRestore(backup);
  await truncate(await store.dataPath(), mebibyte);
  await expect(buffer(stream)).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
});

describe('a record', () => {
  const recordPath = () => store.path('backup-1.json');
  const change = async (fields: Record<string, unknown>) => {
    const record = JSON.parse(await readFile(recordPath(), 'utf8')) as Record<string, unknown>;
    await writeFile(recordPath(), JSON.stringify({ ...record, ...fields }));
  };
  const expectCode = async (code: string, of = backup) => {
    const file = await store.file(Buffer.from('as it was'));
    await expect(store.service.restore(of, 'v', file)).rejects.toMatchObject({ code });
    await expect(store.service.openRestore(of)).rejects.toMatchObject({ code });
    await expect(store.service.readManifest(of)).rejects.toMatchObject({ code });
    // Nothing was found that could have been restored: the file was not touched.
    expect(await readFile(file.path, 'utf8')).toBe('as it was');
  };

  it('of a later version is refused', async () => {
    await change({ formatVersion: 2, dataFile: undefined });
    await expectCode('UNSUPPORTED_BACKUP');
  });

  it.each<[string, () => Promise<void>]>([
    ['is cut off', () => truncate(recordPath(), 100)],
    ['is empty', () => truncate(recordPath(), 0)],
    ['is JSON of another kind', () => writeFile(recordPath(), '[]')],
    ['lacks the length', () => change({ streamBytes: undefined })],
    ['has a hash that is none', () => change({ sha256: 'abc' })],
    ['names a file outside', () => change({ dataFile: '../../etc/passwd' })],
    ["names another backup's data", () => change({ dataFile: 'other.a-1.vmdk' })],
    ["is another backup's", () => change({ backupId: 'backup-2' })],
  ])('that %s is refused', async (_, damage) => {
    await damage();
    await expectCode('BACKUP_CORRUPT');
  });

  it('of another volume than the backup is said to be of is refused', async () => {
    await expectCode('BACKUP_CORRUPT', { ...backup, volumeId: 'volume-2' });
  });

  it('with a manifest of a later version is restored, but its manifest is not read', async () => {
    await change({ manifest: { formatVersion: 2 } });
    await expect(store.service.readManifest(backup)).rejects.toMatchObject({ code: 'UNSUPPORTED_BACKUP' });
    expect(await store.restored(backup)).toHaveLength(length);
  });

  it('that cannot be read is replaced by a backup', async () => {
    await truncate(recordPath(), 10);
    const bytes = randomBytes(10);
    await store.service.backup(backup, await store.file(bytes));
    expect(await store.restored(backup)).toEqual(bytes);
  });

  it('that cannot be read is deleted, with its data', async () => {
    await truncate(recordPath(), 10);
    await store.service.delete(backup);
    expect(await store.names()).toEqual([]);
  });
});
