import { BackupCorruptError } from '../errors/index.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import type { MeasuredStream } from './stream-meter.js';

/**
 * @throws BackupCorruptError where a stream is not the one its manifest describes
 */
export function assertIsBackup(measured: MeasuredStream, manifest: BackupManifest): void {
  const { streamBytes, sha256, info } = measured;
  if (streamBytes !== manifest.streamBytes) {
    throw new BackupCorruptError(`the stream has ${streamBytes} bytes, its manifest says ${manifest.streamBytes}`);
  }
  if (sha256 !== manifest.sha256) {
    throw new BackupCorruptError(`the stream's SHA-256 is ${sha256}, its manifest says ${manifest.sha256}`);
  }
  if (info.capacityBytes !== manifest.capacityBytes) {
    throw new BackupCorruptError(
      `the stream is of a disk of ${info.capacityBytes} bytes, its manifest says ${manifest.capacityBytes}`,
    );
  }
}
