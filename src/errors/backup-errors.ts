import { VmdkDriverError } from './vmdk-driver-error.js';

/** The backup service has no backup of this id. */
export class BackupNotFoundError extends VmdkDriverError {
  static override readonly brand: string = 'BackupNotFoundError';
  readonly code = 'BACKUP_NOT_FOUND';
}

/** A stored stream is not the one that was backed up: another length, another SHA-256, another volume's. */
export class BackupCorruptError extends VmdkDriverError {
  static override readonly brand: string = 'BackupCorruptError';
  readonly code = 'BACKUP_CORRUPT';
}

/** A backup is of a kind this driver does not restore: an unknown manifest version, an incremental, a snapshot's. */
export class UnsupportedBackupError extends VmdkDriverError {
  static override readonly brand: string = 'UnsupportedBackupError';
  readonly code = 'UNSUPPORTED_BACKUP';
}

/** The injected backup service failed; {@link Error.cause} is its own error. */
export class BackupServiceError extends VmdkDriverError {
  static override readonly brand: string = 'BackupServiceError';
  readonly code = 'BACKUP_SERVICE_FAILED';
}
