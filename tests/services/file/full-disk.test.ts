import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from '@jest/globals';
import { BackupServiceError } from '../../../src/errors/index.js';
import { FileBackupService } from '../../../src/services/index.js';
import { manifestOf } from '../../../src/testing/backup-service/sample-backup.js';
import { needing } from '../../support/needing.js';
import { TemporaryStore } from './temporary-store.js';

const mebibyte = 1024 * 1024;
const backup = { id: 'backup-1', volumeId: 'volume-1' };

const mountPoint = mkdtempSync(join(tmpdir(), 'full-disk-'));
const mounted = mount('size=4m,mode=0700');
const withSmallDisk = needing(mounted, 'a small file system cannot be mounted here (it takes root on Linux)');

function mount(options: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', mountPoint], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

afterAll(() => {
  if (mounted) execFileSync('umount', [mountPoint]);
  rmSync(mountPoint, { recursive: true });
});

withSmallDisk.describe('on a disk of 4 MiB', () => {
  const service = new FileBackupService({ directory: mountPoint });
  let aside: TemporaryStore;
  let kept: Buffer;
  let names: string[];
  let free: number;

  const freeBytes = () => statfsSync(mountPoint).bavail * statfsSync(mountPoint).bsize;

  beforeEach(async () => {
    aside = await TemporaryStore.create();
    kept = randomBytes(mebibyte);
    await service.backup(backup, await aside.file(kept));
    names = await readdir(mountPoint);
    free = freeBytes();
  });

  afterEach(async () => {
    // The backup that was there is, and every byte of the one that failed was given back.
    expect(await readdir(mountPoint)).toEqual(names);
    expect(freeBytes()).toBe(free);
    const file = await aside.file();
    await service.restore(backup, 'v', file);
    expect((await readFile(file.path)).equals(kept)).toBe(true);
    await aside[Symbol.asyncDispose]();
  });

  const expectFull = async (attempt: Promise<unknown>, code: string) => {
    const error: unknown = await attempt.catch((e: unknown) => e);
    expect(error).toBeInstanceOf(BackupServiceError);
    expect(error).toMatchObject({ cause: { code }, message: expect.stringContaining(code) });
  };

  it.each([backup, { id: 'backup-2', volumeId: 'volume-1' }])(
    'a file that does not fit is not stored ($id)',
    async (of) => {
      await expectFull(service.backup(of, await aside.file(randomBytes(5 * mebibyte))), 'ENOSPC');
    },
  );

  it.each([backup, { id: 'backup-2', volumeId: 'volume-1' }])(
    'a stream that does not fit is not stored ($id)',
    async (of) => {
      const bytes = randomBytes(5 * mebibyte);
      const writer = await service.openBackup(of);
      const write = async () => {
        for (let offset = 0; offset < bytes.length; offset += 65_536) {
          await writer.write(bytes.subarray(offset, offset + 65_536));
        }
        await writer.commit(manifestOf(of, bytes));
      };
      await expectFull(write(), 'ENOSPC');
      // Everything is given back before anyone calls abort, which need not be called.
      expect(await readdir(mountPoint)).toEqual(names);
      await expectFull(writer.commit(manifestOf(of, bytes)), 'ENOSPC');
      await writer.abort();
    },
  );

  it('a disk that may not be written to is an error', async () => {
    execFileSync('mount', ['-o', 'remount,ro', mountPoint]);
    try {
      await expectFull(service.backup(backup, await aside.file(randomBytes(10))), 'EROFS');
      await expectFull(service.openBackup(backup), 'EROFS');
      await expectFull(service.delete(backup), 'EROFS');
    } finally {
      execFileSync('mount', ['-o', 'remount,rw', mountPoint]);
    }
  });

  it('a restore that does not fit leaves its file empty', async () => {
    const store = await TemporaryStore.create();
    await store.fill(backup, 5 * mebibyte);
    const path = join(mountPoint, 'restored');
    await expectFull(store.service.restore(backup, 'v', { path }), 'ENOSPC');
    expect((await readFile(path)).length).toBe(0);
    rmSync(path);
    await store[Symbol.asyncDispose]();
  });
});
