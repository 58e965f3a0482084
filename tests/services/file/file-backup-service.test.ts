import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { link, mkdir, readFile, rename, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { BackupServiceError } from '../../../src/errors/index.js';
import { FileBackupService } from '../../../src/services/index.js';
import { manifestOf } from '../../../src/testing/backup-service/sample-backup.js';
import { TemporaryStore } from './temporary-store.js';

const mebibyte = 1024 * 1024;
const backup = { id: 'backup-1', volumeId: 'volume-1' };

let store: TemporaryStore;
beforeEach(async () => {
  store = await TemporaryStore.create();
});
afterEach(async () => store[Symbol.asyncDispose]());

describe('on disk', () => {
  it('a backup is its data and a record that names it', async () => {
    const bytes = randomBytes(1000);
    const manifest = manifestOf(backup, bytes);
    await store.service.backup(backup, await store.file(bytes), { manifest });
    const record = JSON.parse(await readFile(store.path('backup-1.json'), 'utf8')) as { dataFile: string };
    expect(record).toEqual({
      formatVersion: 1,
      backupId: 'backup-1',
      volumeId: 'volume-1',
      dataFile: expect.stringMatching(/^backup-1\.[a-z0-9-]+\.vmdk$/),
      streamBytes: 1000,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      storedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      manifest,
    });
    expect(await readFile(store.path(record.dataFile))).toEqual(bytes);
    expect(await store.names()).toEqual([record.dataFile, 'backup-1.json']);
  });

  it('only the owner may read it', async () => {
    await store.fill(backup);
    for (const name of await store.names()) expect((await stat(store.path(name))).mode & 0o777).toBe(0o600);
    expect((await stat(store.directory)).mode & 0o777).toBe(0o700);
  });

  it('a replaced backup leaves nothing', async () => {
    await store.fill(backup);
    const before = await store.names();
    await store.fill(backup);
    const after = await store.names();
    expect(after).toHaveLength(2);
    expect(after).not.toEqual(before);
  });

  it('a deleted backup leaves nothing', async () => {
    await store.fill(backup);
    await store.service.delete(backup);
    expect(await store.names()).toEqual([]);
  });

  it('a backup that another host stored is deleted with its data', async () => {
    await store.fill(backup);
    const dataFile = 'backup-1.00000000-1-0-0123456789abcdef.vmdk';
    await rename(await store.dataPath(), store.path(dataFile));
    const record = JSON.parse(await readFile(store.path('backup-1.json'), 'utf8')) as Record<string, unknown>;
    await writeFile(store.path('backup-1.json'), JSON.stringify({ ...record, dataFile }));
    await store.service.delete(backup);
    expect(await store.names()).toEqual([]);
  });

  it('files of others are left alone', async () => {
    await mkdir(store.directory);
    const names = ['README', 'backup-1.vmdk', 'x.tmp', 'a.b.c.vmdk.tmp', 'disk.flat.vmdk', 'disk.flat.vmdk.tmp'];
    for (const name of names) {
      await writeFile(store.path(name), 'theirs');
      await utimes(store.path(name), 0, 0);
    }
    await store.fill(backup);
    await store.service.delete(backup);
    expect(await store.names()).toEqual(names.sort());
  });
});

describe('a directory that was never made', () => {
  it('holds no backup, and none to delete', async () => {
    await expect(store.restored(backup)).rejects.toMatchObject({ code: 'BACKUP_NOT_FOUND' });
    expect(await store.service.readManifest(backup)).toBeUndefined();
    await store.service.delete(backup);
  });

  it('that is a file is an error', async () => {
    const { path } = await store.file();
    const service = new FileBackupService({ directory: path });
    const error: unknown = await service.backup(backup, await store.file(Buffer.alloc(9))).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(BackupServiceError);
    expect(error).toMatchObject({ cause: { code: 'EEXIST' } });
  });
});

describe('a restore', () => {
  it('leaves nothing of what the file held', async () => {
    const bytes = await store.fill(backup, 1000);
    const file = await store.file(randomBytes(5000));
    await store.service.restore(backup, 'v', file);
    expect(await readFile(file.path)).toEqual(bytes);
  });

  it('does not destroy the backup when told to write into it', async () => {
    const bytes = await store.fill(backup);
    const dataPath = await store.dataPath();
    const { path } = await store.file();
    await link(dataPath, `${path}-hard`);
    await symlink(dataPath, `${path}-soft`);
    for (const target of [dataPath, `${path}-hard`, `${path}-soft`]) {
      await expect(store.service.restore(backup, 'v', { path: target })).rejects.toMatchObject({ field: 'file.path' });
    }
    expect(await store.restored(backup)).toEqual(bytes);
  });

  it('reports how far it is', async () => {
    await store.fill(backup, 2 * mebibyte + 1);
    const bytesDone: number[] = [];
    await store.service.restore(backup, 'v', await store.file(), {
      onProgress: (progress) => {
        expect(progress.bytesTotal).toBe(2 * mebibyte + 1);
        bytesDone.push(progress.bytesDone);
      },
    });
    expect(bytesDone).toEqual([mebibyte, 2 * mebibyte, 2 * mebibyte + 1]);
  });

  it('goes on with the backup it began with when that is replaced or deleted', async () => {
    const bytes = await store.fill(backup, 5 * mebibyte);
    const { stream } = await store.service.openRestore(backup);
    await store.fill(backup, 100);
    await store.service.delete(backup);
    expect((await buffer(stream)).equals(bytes)).toBe(true);
  });
});

describe('a manifest of something else', () => {
  const bytes = randomBytes(1000);
  const manifest = manifestOf(backup, bytes);
  const cases = [
    ['length', { ...manifest, streamBytes: 999 }, { code: 'BACKUP_CORRUPT' }],
    ['hash', { ...manifest, sha256: '0'.repeat(64) }, { code: 'BACKUP_CORRUPT' }],
    ['backup', { ...manifest, backupId: 'other' }, { code: 'INVALID_INPUT', field: 'manifest.backupId' }],
    ['volume', { ...manifest, volumeId: 'other' }, { code: 'INVALID_INPUT', field: 'manifest.volumeId' }],
    ['version', { ...manifest, formatVersion: 2 as unknown as 1 }, { code: 'UNSUPPORTED_BACKUP' }],
  ] as const;

  it.each(cases)('(%s) is refused with a file, and what was there stays', async (_, wrong, refusal) => {
    const kept = await store.fill(backup);
    const before = await store.names();
    const attempt = store.service.backup(backup, await store.file(bytes), { manifest: wrong });
    await expect(attempt).rejects.toMatchObject(refusal);
    expect(await store.names()).toEqual(before);
    expect(await store.restored(backup)).toEqual(kept);
  });

  it.each(cases)('(%s) is refused with a stream, and what was there stays', async (_, wrong, refusal) => {
    const kept = await store.fill(backup);
    const before = await store.names();
    const writer = await store.service.openBackup(backup);
    await writer.write(bytes);
    await expect(writer.commit(wrong)).rejects.toMatchObject(refusal);
    expect(await store.names()).toEqual(before);
    expect(await store.restored(backup)).toEqual(kept);
    // The writer has ended: a right manifest comes too late.
    await expect(writer.commit(manifest)).rejects.toMatchObject(refusal);
    await writer.abort();
  });
});

it('refuses a file that grows while it is stored', async () => {
  const file = await store.file(randomBytes(3 * mebibyte));
  const onProgress = ({ bytesDone }: { bytesDone: number }) => {
    if (bytesDone === mebibyte) appendFileSync(file.path, 'more');
  };
  await expect(store.service.backup(backup, file, { onProgress })).rejects.toMatchObject({
    code: 'BACKUP_SERVICE_FAILED',
  });
  expect(await store.names()).toEqual([]);
});

it('takes writes that overlap in the order in which they were made', async () => {
  const chunks = [700_000, 2 * mebibyte, 3, 900_000].map((length) => randomBytes(length));
  const bytes = Buffer.concat(chunks);
  const writer = await store.service.openBackup(backup);
  await Promise.all([...chunks.map((chunk) => writer.write(chunk)), writer.commit(manifestOf(backup, bytes))]);
  expect((await store.restored(backup)).equals(bytes)).toBe(true);
});
