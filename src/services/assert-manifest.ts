import { BackupCorruptError, InvalidInputError } from '../errors/index.js';
import type { Backup } from '../model/backup.js';
import { type BackupManifest, parseBackupManifest } from '../model/backup-manifest.js';
import type { WrittenStream } from './hashing-writer.js';

/**
 * Checks the manifest that comes with a backup's last byte.
 *
 * @throws BackupCorruptError where it is of another stream than was written
 * @throws InvalidInputError where it is another backup's
 */
export function assertManifestOf(backup: Backup, written: WrittenStream, given: BackupManifest): void {
  const manifest = parseBackupManifest(given);
  if (manifest.backupId !== backup.id) throw new InvalidInputError('manifest.backupId', 'is not the id of the backup');
  if (manifest.volumeId !== backup.volumeId) {
    throw new InvalidInputError('manifest.volumeId', 'is not the id of the backup’s volume');
  }
  if (manifest.streamBytes !== written.streamBytes) {
    throw new BackupCorruptError(
      `the manifest tells of ${manifest.streamBytes} bytes, but ${written.streamBytes} were given`,
    );
  }
  if (manifest.sha256 !== written.sha256) {
    throw new BackupCorruptError('the bytes that were given do not have the SHA-256 the manifest tells of');
  }
}
