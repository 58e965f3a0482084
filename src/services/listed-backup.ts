import type { VmdkDriverError } from '../errors/index.js';
import type { BackupManifest } from '../model/backup-manifest.js';

/** A backup that a service holds. */
export interface StoredBackup {
  readonly id: string;
  /** The volume it is a copy of. */
  readonly volumeId: string;
  /** Length of the stream in bytes. */
  readonly streamBytes: number;
  /** When it had been taken, ISO 8601. */
  readonly storedAt: string;
  /** The driver's manifest, where the service was given one. */
  readonly manifest?: BackupManifest | undefined;
  readonly error?: undefined;
}

/** A backup that a service holds and cannot read. */
export interface UnreadableBackup {
  readonly id: string;
  /** Why. */
  readonly error: VmdkDriverError;
}

/** Which backups are listed. */
export interface ListOptions {
  /** Those of this volume, and those that cannot be read; all of them where it is left out. */
  readonly volumeId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}
