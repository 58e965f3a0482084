import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FileBackupService } from '../../../src/services/index.js';
import { FileObjectStore } from '../../../src/stores/index.js';
import { needing } from '../../support/needing.js';

let root: string;
let directory: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'private-'));
  directory = join(root, 'store');
});
afterEach(() => rm(root, { recursive: true }));

const onPosix = needing(process.platform !== 'win32', 'Windows has no such modes');

onPosix.describe('a directory that everybody may write to', () => {
  const backup = { id: 'b', volumeId: 'v' };

  test.each([0o777, 0o1777, 0o702])('keeps no backups: mode %o', async (mode) => {
    const file = { path: join(root, 'file') };
    await writeFile(file.path, 'bytes');
    const service = new FileBackupService({ directory });
    await service.backup(backup, file);
    await chmod(directory, mode);
    const before = await readdir(directory);
    for (const call of [
      () => service.backup(backup, file),
      () => service.restore(backup, 'v', file),
      () => service.readManifest(backup),
      () => service.openBackup(backup),
      () => service.openRestore(backup),
      () => service.delete(backup),
    ]) {
      await expect(call()).rejects.toMatchObject({
        code: 'BACKUP_SERVICE_FAILED',
        message: expect.stringContaining(`everybody may write to ${directory}: take that away (chmod o-w)`),
      });
    }
    expect(await readdir(directory)).toEqual(before);
    // A group may.
    await chmod(directory, 0o770);
    await service.restore(backup, 'v', file);
  });

  test('keeps no objects', async () => {
    const store = new FileObjectStore({ directory });
    await store.put('a', Buffer.from('x'));
    await chmod(directory, 0o777);
    const list = async (): Promise<unknown> => {
      for await (const object of store.list('')) return object;
      return undefined;
    };
    for (const call of [() => store.put('b', Buffer.from('x')), () => store.get('a'), () => store.stat('a'), list]) {
      await expect(call()).rejects.toMatchObject({
        code: 'STORE_FAILED',
        message: expect.stringContaining('everybody may write'),
      });
    }
    await chmod(directory, 0o700);
    expect((await buffer(await store.get('a'))).toString()).toBe('x');
  });
});
