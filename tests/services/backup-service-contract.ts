import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Backup, BackupManifest, BackupService, BackupWriter } from '../../src/services/index.js';

/** What the suite needs to test a service. */
export interface BackupServiceUnderTest {
  readonly service: BackupService;
  /** Called after each test. */
  readonly close?: () => Promise<void>;
}

/** Which of the optional methods the service has. The suite fails where the service does not agree. */
export interface BackupServiceFeatures {
  readonly delete?: boolean;
  /** `readManifest` */
  readonly manifests?: boolean;
  /** `openBackup` and `openRestore` */
  readonly streams?: boolean;
}

const mebibyte = 1024 * 1024;

/**
 * Tests what every backup service has to do. To use it for your own, copy this file and give it a factory of services that
 * are empty (or at least hold none of the random ids used here).
 */
export function describeBackupService(
  name: string,
  factory: () => Promise<BackupServiceUnderTest>,
  features: BackupServiceFeatures,
): void {
  describe(`${name} as a BackupService`, () => {
    let directory: string;
    let service: BackupService;
    let close: (() => Promise<void>) | undefined;
    let fileCount = 0;

    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'backup-service-contract-'));
      ({ service, close } = await factory());
    });

    afterEach(async () => {
      await close?.();
      await rm(directory, { recursive: true, force: true });
    });

    /** A file as the driver hands one over to be stored. */
    async function fileOf(bytes: Uint8Array) {
      const path = join(directory, `file-${fileCount++}`);
      await writeFile(path, bytes);
      return { path };
    }

    async function store(backup: Backup, bytes: Uint8Array): Promise<void> {
      await service.backup(backup, await fileOf(bytes), { manifest: manifestOf(backup, bytes) });
    }

    /** The bytes a restore gives. */
    async function restored(backup: Backup, volumeId = backup.volumeId): Promise<Buffer> {
      const file = await fileOf(Buffer.alloc(0));
      await service.restore(backup, volumeId, file);
      return readFile(file.path);
    }

    async function expectBytes(backup: Backup, bytes: Uint8Array): Promise<void> {
      expect(digest(await restored(backup))).toBe(digest(bytes));
    }

    async function expectNoBackup(backup: Backup): Promise<void> {
      await expect(restored(backup)).rejects.toMatchObject({ code: 'BACKUP_NOT_FOUND' });
    }

    it('has the optional methods it is said to have', () => {
      expect({
        delete: service.delete !== undefined,
        manifests: service.readManifest !== undefined,
        backupStreams: service.openBackup !== undefined,
        restoreStreams: service.openRestore !== undefined,
      }).toEqual({
        delete: features.delete ?? false,
        manifests: features.manifests ?? false,
        backupStreams: features.streams ?? false,
        restoreStreams: features.streams ?? false,
      });
    });

    it.each([1, 511, 65_537, mebibyte - 1, mebibyte, mebibyte + 1, 3 * mebibyte + 12_345])(
      'gives back exactly the %d bytes it was given',
      async (length) => {
        const backup = newBackup();
        const bytes = randomBytes(length);
        await store(backup, bytes);
        await expectBytes(backup, bytes);
      },
    );

    it('keeps zeros, at the end too', async () => {
      const backup = newBackup();
      const bytes = Buffer.concat([Buffer.alloc(mebibyte), randomBytes(512), Buffer.alloc(mebibyte)]);
      await store(backup, bytes);
      await expectBytes(backup, bytes);
    });

    it('needs no options', async () => {
      const backup = newBackup();
      const bytes = randomBytes(1000);
      await service.backup(backup, await fileOf(bytes));
      await expectBytes(backup, bytes);
    });

    it('leaves the file it was given as it is', async () => {
      const bytes = randomBytes(1000);
      const file = await fileOf(bytes);
      await service.backup(newBackup(), file);
      expect(digest(await readFile(file.path))).toBe(digest(bytes));
    });

    it('restores as often as asked, and for another volume', async () => {
      const backup = newBackup();
      const bytes = randomBytes(1000);
      await store(backup, bytes);
      await expectBytes(backup, bytes);
      expect(digest(await restored(backup, 'another-volume'))).toBe(digest(bytes));
    });

    it('knows no backup it was never given', async () => {
      await expectNoBackup(newBackup());
    });

    it('keeps backups of one volume apart', async () => {
      const [first, second] = [newBackup(), newBackup()];
      const bytes = [randomBytes(2000), randomBytes(1000)] as const;
      await store(first, bytes[0]);
      await store(second, bytes[1]);
      await expectBytes(first, bytes[0]);
      await expectBytes(second, bytes[1]);
    });

    it('takes different backups at once', async () => {
      const all = [1, 2, 3, 4].map((n) => ({ backup: newBackup(), bytes: randomBytes(n * 700_000) }));
      await Promise.all(all.map(({ backup, bytes }) => store(backup, bytes)));
      for (const { backup, bytes } of all) await expectBytes(backup, bytes);
    });

    it('ends two calls for the same backup at once in the backup of one of them', async () => {
      const backup = newBackup();
      const candidates = [randomBytes(1_500_000), randomBytes(2_000_000)];
      const outcomes = await Promise.allSettled(candidates.map((bytes) => store(backup, bytes)));
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).not.toEqual([]);
      expect(candidates.map(digest)).toContain(digest(await restored(backup)));
    });

    it('replaces a backup by a shorter one', async () => {
      const backup = newBackup();
      await store(backup, randomBytes(2 * mebibyte));
      const bytes = randomBytes(1000);
      await store(backup, bytes);
      await expectBytes(backup, bytes);
    });

    it('stores nothing where the file is missing, and keeps what it had', async () => {
      const [kept, never] = [newBackup(), newBackup()];
      const bytes = randomBytes(1000);
      await store(kept, bytes);
      for (const backup of [kept, never]) {
        await expect(service.backup(backup, { path: join(directory, 'missing') })).rejects.toThrow();
      }
      await expectBytes(kept, bytes);
      await expectNoBackup(never);
    });

    it('stores nothing when it is aborted, and keeps what it had', async () => {
      const [kept, never] = [newBackup(), newBackup()];
      const bytes = randomBytes(1000);
      await store(kept, bytes);
      for (const backup of [kept, never]) {
        const file = await fileOf(randomBytes(3 * mebibyte));
        await expect(service.backup(backup, file, { signal: AbortSignal.abort() })).rejects.toThrow();
      }
      await expectBytes(kept, bytes);
      await expectNoBackup(never);
    });

    it('restores nothing when it is aborted', async () => {
      const backup = newBackup();
      await store(backup, randomBytes(1000));
      const file = await fileOf(Buffer.alloc(0));
      const signal = AbortSignal.abort();
      await expect(service.restore(backup, backup.volumeId, file, { signal })).rejects.toThrow();
    });

    if (features.delete === true) {
      it('deletes a backup and no other, and does not mind one that is gone', async () => {
        const [gone, kept] = [newBackup(), newBackup()];
        const bytes = randomBytes(1000);
        await store(gone, bytes);
        await store(kept, bytes);
        await service.delete?.(gone);
        await service.delete?.(gone);
        await expectNoBackup(gone);
        await expectBytes(kept, bytes);
      });

      it('takes a deleted backup anew', async () => {
        const backup = newBackup();
        await store(backup, randomBytes(2000));
        await service.delete?.(backup);
        const bytes = randomBytes(1000);
        await store(backup, bytes);
        await expectBytes(backup, bytes);
      });
    }

    if (features.manifests === true) {
      it('gives back the manifest of the backup that is there', async () => {
        const backup = newBackup();
        expect(await service.readManifest?.(backup)).toBeUndefined();
        for (const bytes of [randomBytes(1000), randomBytes(500)]) {
          await store(backup, bytes);
          expect(await service.readManifest?.(backup)).toEqual(manifestOf(backup, bytes));
        }
      });

      it('has no manifest where it was given none', async () => {
        const backup = newBackup();
        await store(backup, randomBytes(1000));
        await service.backup(backup, await fileOf(randomBytes(500)));
        expect(await service.readManifest?.(backup)).toBeUndefined();
      });
    }

    if (features.streams === true) {
      const open = async (backup: Backup, signal?: AbortSignal): Promise<BackupWriter> =>
        service.openBackup!(backup, { signal });

      const storeStream = async (backup: Backup, bytes: Uint8Array, chunkLength: number): Promise<void> => {
        const writer = await open(backup);
        for (let offset = 0; offset < bytes.length; offset += chunkLength) {
          await writer.write(bytes.subarray(offset, offset + chunkLength));
        }
        await writer.commit(manifestOf(backup, bytes));
      };

      it.each([1009, 65_536, mebibyte, 10 * mebibyte])('takes a stream in chunks of %d bytes', async (chunkLength) => {
        const backup = newBackup();
        const bytes = randomBytes(3 * mebibyte + 1);
        await storeStream(backup, bytes, chunkLength);
        await expectBytes(backup, bytes);
      });

      it('takes chunks of different lengths, empty ones too', async () => {
        const backup = newBackup();
        const chunks = [5, 0, 2 * mebibyte, 1, mebibyte - 7, mebibyte, 0, 3].map((length) => randomBytes(length));
        const writer = await open(backup);
        for (const chunk of chunks) await writer.write(chunk);
        const bytes = Buffer.concat(chunks);
        await writer.commit(manifestOf(backup, bytes));
        await expectBytes(backup, bytes);
      });

      it('has done with a chunk when it asks for the next', async () => {
        const backup = newBackup();
        const writer = await open(backup);
        const written: Buffer[] = [];
        for (const length of [100_000, mebibyte, 2 * mebibyte + 5, 70_000]) {
          const chunk = randomBytes(length);
          written.push(Buffer.from(chunk));
          await writer.write(chunk);
          chunk.fill(0);
        }
        const bytes = Buffer.concat(written);
        await writer.commit(manifestOf(backup, bytes));
        await expectBytes(backup, bytes);
      });

      it('gives a stream of what came as a file', async () => {
        const backup = newBackup();
        const bytes = randomBytes(3 * mebibyte + 1);
        await store(backup, bytes);
        const { stream, length } = await service.openRestore!(backup);
        expect([undefined, bytes.length]).toContain(length);
        expect(digest(await buffer(stream))).toBe(digest(bytes));
      });

      it('gives a stream of what came as a stream', async () => {
        const backup = newBackup();
        const bytes = randomBytes(100_000);
        await storeStream(backup, bytes, 65_536);
        const { stream } = await service.openRestore!(backup);
        expect(digest(await buffer(stream))).toBe(digest(bytes));
      });

      it('has no stream of a backup it was never given', async () => {
        await expect(service.openRestore!(newBackup())).rejects.toMatchObject({ code: 'BACKUP_NOT_FOUND' });
      });

      it('shows nothing of a stream before it is committed', async () => {
        const [replaced, fresh] = [newBackup(), newBackup()];
        const bytes = randomBytes(1000);
        await store(replaced, bytes);
        for (const backup of [replaced, fresh]) {
          const writer = await open(backup);
          await writer.write(randomBytes(2 * mebibyte));
          if (backup === fresh) await expectNoBackup(backup);
          else await expectBytes(backup, bytes);
          await writer.abort();
        }
      });

      it('leaves nothing of a stream that was given up, however often, and keeps what it had', async () => {
        const [replaced, fresh] = [newBackup(), newBackup()];
        const bytes = randomBytes(1000);
        await store(replaced, bytes);
        for (const backup of [replaced, fresh]) {
          const writer = await open(backup);
          await writer.write(randomBytes(2 * mebibyte));
          await writer.abort();
          await writer.abort();
        }
        await expectBytes(replaced, bytes);
        await expectNoBackup(fresh);
      });

      it('takes nothing after a writer has ended', async () => {
        const backup = newBackup();
        const bytes = randomBytes(1000);
        const aborted = await open(backup);
        await aborted.write(bytes);
        await aborted.abort();
        const committed = await open(backup);
        await committed.write(bytes);
        await committed.commit(manifestOf(backup, bytes));
        for (const writer of [aborted, committed]) {
          await expect(writer.write(bytes)).rejects.toThrow();
          await expect(writer.commit(manifestOf(backup, bytes))).rejects.toThrow();
          await writer.abort();
        }
        await expectBytes(backup, bytes);
      });

      it('takes nothing after the signal, and shows nothing of it', async () => {
        const backup = newBackup();
        const bytes = randomBytes(1000);
        const controller = new AbortController();
        const writer = await open(backup, controller.signal);
        await writer.write(bytes);
        controller.abort();
        await expect(writer.write(bytes)).rejects.toThrow();
        await expect(writer.commit(manifestOf(backup, bytes))).rejects.toThrow();
        await writer.abort();
        await expectNoBackup(backup);
      });

      it('ends a stream with an error when it is aborted', async () => {
        const backup = newBackup();
        await store(backup, randomBytes(10 * mebibyte));
        const controller = new AbortController();
        const { stream } = await service.openRestore!(backup, { signal: controller.signal });
        let received = 0;
        const read = async () => {
          for await (const chunk of stream) {
            received += (chunk as Uint8Array).length;
            controller.abort();
          }
        };
        await expect(read()).rejects.toThrow();
        expect(received).toBeLessThan(10 * mebibyte);
      });
    }
  });
}

/** A backup no service has seen. */
export function newBackup(): Backup {
  return { id: `backup-${randomBytes(8).toString('hex')}`, volumeId: 'volume-1', size: 1 };
}

/** The manifest the driver would give with these bytes. */
export function manifestOf(backup: Backup, bytes: Uint8Array): BackupManifest {
  return {
    formatVersion: 1,
    backupId: backup.id,
    volumeId: backup.volumeId,
    diskFormat: 'streamOptimized',
    streamBytes: bytes.length,
    sha256: digest(bytes),
    capacityBytes: 1024 ** 3,
    provisioning: 'thin',
    adapterType: 'lsiLogic',
    startedAt: '2026-01-02T03:04:05.678Z',
    finishedAt: '2026-01-02T03:05:06.789Z',
  };
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
