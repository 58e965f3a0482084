import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FileBackupService } from '../../../src/services/index.js';
import { takeOverFile } from '../../../src/services/take-over-file.js';
import { noteHashedFile } from '../../../src/stream/hashed-bytes.js';
import { manifestOf } from '../../../src/testing/backup-service/sample-backup.js';
import { TemporaryStore } from './temporary-store.js';

const mebibyte = 1024 * 1024;
const backup = { id: 'backup-1', volumeId: 'volume-1' };
/** A SHA-256 no bytes have: where it is in a record, the bytes were not hashed. */
const told = '0'.repeat(64);

const mountPoint = mkdtempSync(join(tmpdir(), 'taking-over-'));
const mounted = mountSmallDisk();
if (!mounted) console.warn('skipped: another file system cannot be mounted here (it takes root on Linux)');

function mountSmallDisk(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mountPoint], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

afterAll(() => {
  if (mounted) execFileSync('umount', [mountPoint]);
  rmSync(mountPoint, { recursive: true });
});

let store: TemporaryStore;
beforeEach(async () => {
  store = await TemporaryStore.create();
});
afterEach(async () => store[Symbol.asyncDispose]());

/** A file as the driver hands it over: hashed. */
async function hashedFile(bytes: Buffer) {
  const { path } = await store.file(bytes);
  const note = await noteHashedFile(path, { streamBytes: bytes.length, sha256: told });
  return { path, [Symbol.dispose]: note[Symbol.dispose] };
}

async function recordOf(
  directory = store.directory,
): Promise<{ sha256: string; streamBytes: number; dataFile: string }> {
  return JSON.parse(await readFile(join(directory, 'backup-1.json'), 'utf8')) as Awaited<ReturnType<typeof recordOf>>;
}

describe('a file that the driver hashed', () => {
  it('is taken over without being read, and stays when its own name goes', async () => {
    const bytes = randomBytes(3 * mebibyte + 1);
    using file = await hashedFile(bytes);
    const progress: unknown[] = [];
    await store.service.backup(backup, file, { onProgress: (event) => progress.push(event) });
    expect(await recordOf()).toMatchObject({ sha256: told, streamBytes: bytes.length });
    expect(progress).toEqual([{ bytesDone: bytes.length, bytesTotal: bytes.length }]);
    expect(await readFile(file.path)).toEqual(bytes);
    await unlink(file.path);
    expect((await readFile(await store.dataPath())).equals(bytes)).toBe(true);
    expect((await stat(await store.dataPath())).mode & 0o777).toBe(0o600);
    expect(await store.names()).toHaveLength(2);
  });

  it('is read after all once somebody has written to it', async () => {
    const bytes = randomBytes(1000);
    using file = await hashedFile(randomBytes(1000));
    await writeFile(file.path, bytes);
    await store.service.backup(backup, file, { manifest: manifestOf(backup, bytes) });
    expect(await store.restored(backup)).toEqual(bytes);
    // And is another file from then on.
    await writeFile(file.path, randomBytes(1000));
    expect(await store.restored(backup)).toEqual(bytes);
  });

  it('with a manifest of other bytes is refused, and what was there stays', async () => {
    const kept = await store.fill(backup);
    const before = await store.names();
    using file = await hashedFile(randomBytes(500));
    const manifest = { ...manifestOf(backup, randomBytes(500)), sha256: '1'.repeat(64) };
    await expect(store.service.backup(backup, file, { manifest })).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
    expect(await store.names()).toEqual(before);
    expect(await store.restored(backup)).toEqual(kept);
  });

  it('leaves nothing in the store when the backup is aborted', async () => {
    using file = await hashedFile(randomBytes(500));
    const abort = new AbortController();
    const onProgress = () => {
      abort.abort();
    };
    await expect(store.service.backup(backup, file, { signal: abort.signal, onProgress })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(await store.names()).toEqual([]);
    expect((await readFile(file.path)).length).toBe(500);
  });

  it("anybody else's file is read, and copied", async () => {
    const bytes = randomBytes(1000);
    const { path } = await store.file(bytes);
    await store.service.backup(backup, { path });
    await writeFile(path, randomBytes(1000));
    expect(await store.restored(backup)).toEqual(bytes);
  });
});

(mounted ? describe : describe.skip)('a file that the driver hashed, on another file system', () => {
  const elsewhere = () => join(mountPoint, 'store');
  const service = () => new FileBackupService({ directory: elsewhere() });
  afterEach(async () => rmSync(elsewhere(), { recursive: true, force: true }));

  it('is copied, and not hashed', async () => {
    const bytes = randomBytes(2 * mebibyte + 1);
    using file = await hashedFile(bytes);
    const progress: number[] = [];
    await service().backup(backup, file, { onProgress: ({ bytesDone }) => progress.push(bytesDone) });
    const record = await recordOf(elsewhere());
    expect(record).toMatchObject({ sha256: told, streamBytes: bytes.length });
    expect((await readFile(join(elsewhere(), record.dataFile))).equals(bytes)).toBe(true);
    expect(progress).toEqual([mebibyte, 2 * mebibyte, 2 * mebibyte + 1]);
  });

  it('that does not fit leaves nothing', async () => {
    using file = await hashedFile(randomBytes(6 * mebibyte));
    const refusal = { code: 'BACKUP_SERVICE_FAILED', cause: { code: 'ENOSPC' } };
    await expect(service().backup(backup, file)).rejects.toMatchObject(refusal);
    expect(execFileSync('ls', [elsewhere()], { encoding: 'utf8' })).toBe('');
  });

  it('can be aborted in the middle', async () => {
    using file = await hashedFile(randomBytes(3 * mebibyte));
    const abort = new AbortController();
    const onProgress = () => {
      abort.abort();
    };
    await expect(service().backup(backup, file, { signal: abort.signal, onProgress })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(execFileSync('ls', [elsewhere()], { encoding: 'utf8' })).toBe('');
  });
});

describe('where the file system can neither clone nor link', () => {
  it('nothing is there afterwards', async () => {
    const { path } = await store.file(randomBytes(10));
    // Neither can be done with a folder.
    const folder = join(path, '..', 'folder');
    await mkdir(folder);
    expect(await takeOverFile(folder, `${path}-2`)).toBe(false);
    await expect(stat(`${path}-2`)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('nothing that was there is lost', async () => {
    const [one, other] = [await store.file(Buffer.from('one')), await store.file(Buffer.from('other'))];
    expect(await takeOverFile(one.path, other.path)).toBe(false);
    expect(await readFile(other.path, 'utf8')).toBe('other');
  });
});

describe('a restore whose caller has the manifest', () => {
  const bytes = randomBytes(3 * mebibyte + 5);
  const manifest = manifestOf(backup, bytes);

  it.each([
    ['is of these bytes: they are not hashed, the caller does that', manifest, true],
    ['is of other bytes: they are', { ...manifest, sha256: told }, false],
    ['is not there: they are', undefined, false],
  ])('that %s', async (_what, given, isGivenBack) => {
    await store.service.backup(backup, await store.file(bytes), { manifest });
    const damaged = Buffer.from(bytes);
    damaged[mebibyte] = (damaged[mebibyte] ?? 0) ^ 1;
    await writeFile(await store.dataPath(), damaged);
    const { path } = await store.file();
    const restore = store.service.restore(backup, 'v', { path }, { manifest: given });
    if (isGivenBack) {
      await restore;
      expect((await readFile(path)).equals(damaged)).toBe(true);
    } else {
      await expect(restore).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
    }
  });

  it('always gets as many bytes as were stored', async () => {
    await store.service.backup(backup, await store.file(bytes), { manifest });
    await writeFile(await store.dataPath(), bytes.subarray(0, -1));
    const { path } = await store.file();
    const refusal = { code: 'BACKUP_CORRUPT' };
    await expect(store.service.restore(backup, 'v', { path }, { manifest })).rejects.toMatchObject(refusal);
    await expect(store.service.openRestore(backup, { manifest })).rejects.toMatchObject(refusal);
  });
});
