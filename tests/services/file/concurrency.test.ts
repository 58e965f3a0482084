import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { FileBackupService } from '../../../src/services/index.js';
import { manifestOf } from '../../../src/testing/backup-service/sample-backup.js';
import { TemporaryStore } from './temporary-store.js';

const mebibyte = 1024 * 1024;
const backup = { id: 'backup-1', volumeId: 'volume-1' };
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let store: TemporaryStore;
beforeEach(async () => {
  store = await TemporaryStore.create();
});
afterEach(async () => store[Symbol.asyncDispose]());

it('backups of one id at once never mix, and leave one', async () => {
  const candidates = Array.from({ length: 8 }, (_, n) => randomBytes((n % 3) * mebibyte + 1000 + n));
  await Promise.all(
    candidates.map(async (bytes, n) => {
      // Every other one as a stream, and all through services of their own.
      const service = new FileBackupService({ directory: store.directory });
      const manifest = manifestOf(backup, bytes);
      if (n % 2 === 0) return service.backup(backup, await store.file(bytes), { manifest });
      const writer = await service.openBackup(backup);
      await writer.write(bytes);
      await writer.commit(manifest);
    }),
  );
  const sha256 = digest(await store.restored(backup));
  expect(candidates.map(digest)).toContain(sha256);
  // Manifest and data are of the same attempt.
  expect(await store.service.readManifest(backup)).toMatchObject({ sha256 });
  expect(await store.names()).toHaveLength(2);
});

it('readers see the old backup or the new one while it is replaced again and again', async () => {
  const known = new Set([digest(await store.fill(backup, 2 * mebibyte))]);
  let replacing = true;
  const replace = async () => {
    for (let n = 0; n < 25; n++) {
      const bytes = randomBytes((n % 2) * mebibyte + 5000);
      known.add(digest(bytes));
      await store.service.backup(backup, await store.file(bytes));
    }
    replacing = false;
  };
  const seen = new Set<string>();
  const read = async (readOnce: () => Promise<Buffer>) => {
    while (replacing) seen.add(digest(await readOnce()));
  };
  await Promise.all([
    replace(),
    read(() => store.restored(backup)),
    read(async () => buffer((await store.service.openRestore(backup)).stream)),
  ]);
  expect([...seen].filter((each) => !known.has(each))).toEqual([]);
  expect(seen.size).toBeGreaterThan(1);
});

it('a backup under way is not disturbed by another of the same id, by a delete, or by a sweep', async () => {
  const bytes = randomBytes(2 * mebibyte);
  const writer = await store.service.openBackup(backup);
  await writer.write(bytes.subarray(0, mebibyte));
  await store.fill(backup);
  await store.fill({ id: 'backup-2', volumeId: 'volume-1' });
  await store.service.delete(backup);
  await writer.write(bytes.subarray(mebibyte));
  await writer.commit(manifestOf(backup, bytes));
  expect((await store.restored(backup)).equals(bytes)).toBe(true);
});
