import { BackupCorruptError } from '../errors/index.js';
import type { StoredStream } from './record-shape.js';

/**
 * Compares what was read of a backup with what was stored.
 *
 * @throws BackupCorruptError
 */
export function checkStream(
  record: StoredStream,
  read: { readonly streamBytes: number; readonly sha256?: string | undefined },
): void {
  if (read.streamBytes !== record.streamBytes) {
    throw new BackupCorruptError(
      `backup ${record.backupId}: ${record.streamBytes} bytes were stored, and ${read.streamBytes} are there`,
    );
  }
  if (read.sha256 !== undefined && read.sha256 !== record.sha256) {
    throw new BackupCorruptError(
      `backup ${record.backupId}: the stored bytes do not have the SHA-256 they were stored with`,
    );
  }
}
