import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Backup, BackupManifest, BackupService, Volume } from '../../src/index.js';
import { Lab, sha256 } from './support/lab.js';
import { sessionWith, writingTo } from './support/services.js';

/** Many more chunks than are on their way at a time: their memory would have been used again. */
const content = randomBytes(9 * 2 ** 20 + 12_345);

let lab: Lab;
let volume: Volume;
let backup: Backup;
let manifest: BackupManifest;

beforeAll(async () => {
  lab = await Lab.start();
  volume = await lab.addVolume({}, content);
  backup = { id: 'kept', volumeId: volume.id };
  manifest = await lab.driver.backupVolume(backup, volume);
});
afterAll(() => lab[Symbol.asyncDispose]());

const sha256Of = (chunks: readonly Uint8Array[]) => sha256(Buffer.concat(chunks));
const turn = () => new Promise(setImmediate);

describe('the memory of a chunk', () => {
  test('is its own for as long as a service that keeps it may look at it', async () => {
    const held: Uint8Array[] = [];
    let stored = '';
    const service = writingTo({
      write: async (chunk) => {
        held.push(chunk);
      },
      commit: async () => {
        stored = sha256Of(held);
      },
    });
    const { sha256: hashed } = await lab.driverWith({ service }).backupVolume({ ...backup, id: 'held' }, volume);
    expect(held.length).toBeGreaterThan(8);
    expect(stored).toBe(hashed);
  });

  test('is not used again before a slow FileBackupService has written it', async () => {
    const slow: BackupService = {
      ...lab.service,
      backup: (...given) => lab.service.backup(...given),
      restore: (...given) => lab.service.restore(...given),
      openBackup: async (...given) => {
        const writer = await lab.service.openBackup!(...given);
        const { write } = writer;
        // The writer itself, which says that it has done with what it wrote.
        return Object.assign(writer, {
          write: async (chunk: Uint8Array) => {
            for (let n = 0; n < 20; n++) await turn();
            await write.call(writer, chunk);
          },
        });
      },
    };
    const slowly = { ...backup, id: 'slow' };
    const driver = lab.driverWith({ service: slow });
    await driver.backupVolume(slowly, volume);
    // Read back, since the record's SHA-256 is the driver's.
    expect(await lab.driver.verifyBackup(slowly)).toMatchObject({ comparedWithManifest: true });
  });

  test.each(['stream', 'file'] as const)(
    'is its own for as long as a session holds what it sends, by %s',
    async (transfer) => {
      const held: Buffer[] = [];
      const vim = sessionWith(lab.vim, {
        upload: async (url, source, options) => {
          source.on('data', (chunk: Buffer) => held.push(chunk));
          await lab.vim.upload(url, source, options);
        },
      });
      await lab.driverWith({ vim, config: { transfer } }).restoreBackup(backup, volume, { manifest });
      expect(held.length).toBeGreaterThan(8);
      expect(sha256Of(held)).toBe(manifest.sha256);
    },
  );
});
