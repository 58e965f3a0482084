import { VmdkDriverError } from './vmdk-driver-error.js';

/** `config.tmpDir` has not enough free space for the stream, or ran out of it. */
export class NoTemporarySpaceError extends VmdkDriverError {
  static override readonly brand: string = 'NoTemporarySpaceError';
  readonly code = 'NO_TEMPORARY_SPACE';
}

/** `config.tmpDir` does not exist, is no directory, or is not writable, or the temporary file in it cannot be made, written or read. */
export class TemporaryDirectoryError extends VmdkDriverError {
  static override readonly brand: string = 'TemporaryDirectoryError';
  readonly code = 'TEMPORARY_DIRECTORY_UNUSABLE';
}
