import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { Backup } from '../../../src/index.js';
import { manifestOf } from '../../../src/testing/backup-service/sample-backup.js';
import { digest } from '../../../src/testing/digest.js';
import type { PlacedService } from './place.js';

export const bytesPerMiB = 1024 * 1024;

export function newBackup(): Backup {
  return { id: randomUUID(), volumeId: 'volume-1' };
}

/** Stores a backup by stream. */
export async function store(service: PlacedService, backup: Backup, bytes: Buffer): Promise<void> {
  const writer = await service.openBackup(backup);
  try {
    for (let offset = 0; offset < bytes.length; offset += bytesPerMiB) {
      await writer.write(bytes.subarray(offset, offset + bytesPerMiB));
    }
    await writer.commit(manifestOf(backup, bytes));
  } finally {
    await writer.abort();
  }
}

/** SHA-256 of what a restore gives. */
export async function restored(service: PlacedService, backup: Backup): Promise<string> {
  return digest(await buffer((await service.openRestore(backup)).stream));
}
