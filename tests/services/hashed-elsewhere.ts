import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { BackupService } from '../../src/services/index.js';
import { noteHashedFile } from '../../src/stream/hashed-bytes.js';
import { manifestOf } from '../../src/testing/backup-service/sample-backup.js';
import { hashedChunks, mebibyte } from '../stream/support/chunks.js';

const backup = { id: 'backup-1', volumeId: 'volume-1' };
const given = [mebibyte, mebibyte, 500].map((length) => randomBytes(length));
const bytes = Buffer.concat(given);
/** As the driver hashed it; with a SHA-256 no bytes have: a service that takes it for theirs has not hashed them. */
const stream = { streamBytes: bytes.length, sha256: '0'.repeat(64) };
const manifest = { ...manifestOf(backup, bytes), sha256: stream.sha256 };

/** What a service does with bytes that the driver hashed. */
export function describeHashedBytes(service: () => BackupService, directory: () => string): void {
  describe('bytes that the driver hashed', () => {
    async function write(chunks: readonly Uint8Array[], commitWith: typeof manifest): Promise<void> {
      const writer = await service().openBackup!(backup);
      for (const chunk of chunks) await writer.write(chunk);
      await writer.commit(commitWith);
    }

    /** Without their being held against a digest. */
    async function restored(): Promise<Buffer> {
      const path = join(directory(), 'restored');
      const kept = await service().readManifest!(backup);
      await service().restore(backup, backup.volumeId, { path }, { manifest: kept });
      return readFile(path);
    }

    it('are not hashed again as a stream', async () => {
      await write(hashedChunks(given, stream), manifest);
      expect((await restored()).equals(bytes)).toBe(true);
    });

    it('are not hashed again as a file', async () => {
      const path = join(directory(), 'hashed');
      await writeFile(path, bytes);
      using _note = await noteHashedFile(path, stream);
      await service().backup(backup, { path }, { manifest });
      expect((await restored()).equals(bytes)).toBe(true);
    });

    it('are hashed once somebody has added to them', async () => {
      const more = Buffer.concat([bytes, Buffer.from('a trailer')]);
      await write([...hashedChunks(given, stream), Buffer.from('a trailer')], manifestOf(backup, more));
      expect((await restored()).equals(more)).toBe(true);
      await expect(
        write([...hashedChunks(given, stream), Buffer.from('a trailer')], { ...manifest }),
      ).rejects.toMatchObject({
        code: 'BACKUP_CORRUPT',
      });
    });

    it('are hashed where somebody changed them on their way', async () => {
      const chunks = hashedChunks(given, stream);
      chunks[1] = randomBytes(mebibyte);
      await expect(write(chunks, manifest)).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
    });
  });
}
