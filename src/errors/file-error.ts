import { VmdkDriverError } from './vmdk-driver-error.js';

/** Reading or writing a file failed half-way, or the file changed meanwhile; `cause` is the system's error, if any. */
export class FileError extends VmdkDriverError {
  static override readonly brand: string = 'FileError';
  readonly code = 'FILE_FAILED';
}
