import { type ErrorDetails, VmdkDriverError } from './vmdk-driver-error.js';

/** The volume's backing has snapshots; its disk cannot be replaced (Cinder: "Volume cannot be restored since it contains snapshots."). */
export class VolumeHasSnapshotsError extends VmdkDriverError {
  static override readonly brand: string = 'VolumeHasSnapshotsError';
  readonly code = 'VOLUME_HAS_SNAPSHOTS';
}

/** The volume is smaller than the backup's capacity. */
export class VolumeTooSmallError extends VmdkDriverError {
  static override readonly brand: string = 'VolumeTooSmallError';
  readonly code = 'VOLUME_TOO_SMALL';
}

/** Another operation is under way on the volume, in this process or in another. */
export class VolumeBusyError extends VmdkDriverError {
  static override readonly brand: string = 'VolumeBusyError';
  readonly code = 'VOLUME_BUSY';

  constructor(message: string, details?: ErrorDetails) {
    super(message, { retryable: true, ...details });
  }
}

/** The volume's backing is powered on, or its disk is attached to, or locked by, another VM. */
export class BackingInUseError extends VmdkDriverError {
  static override readonly brand: string = 'BackingInUseError';
  readonly code = 'BACKING_IN_USE';
}

/** The volume's backing is not what a backing is: no disk, several disks, a disk of another kind, a disk built on a parent's. */
export class BackingInvalidError extends VmdkDriverError {
  static override readonly brand: string = 'BackingInvalidError';
  readonly code = 'BACKING_INVALID';
}

/** A restore could not be carried out or proved; the volume has its old disk unless the message says otherwise. */
export class RestoreError extends VmdkDriverError {
  static override readonly brand: string = 'RestoreError';
  readonly code = 'RESTORE_FAILED';
  /** Datastore paths of disks that were kept where the volume has a new disk that is not as it should be; else absent. */
  readonly kept?: readonly string[] | undefined;

  constructor(message: string, details: ErrorDetails & Pick<RestoreError, 'kept'> = {}) {
    super(message, details);
    if (details.kept !== undefined && details.kept.length > 0) this.kept = details.kept;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), ...(this.kept === undefined ? {} : { kept: this.kept }) };
  }
}

/**
 * Somebody else ended the restore: `recover()` on another machine took it for dead. It deleted nothing after that, and the
 * message says which disk the volume has.
 */
export class OwnershipLostError extends VmdkDriverError {
  static override readonly brand: string = 'OwnershipLostError';
  readonly code = 'OWNERSHIP_LOST';
}
