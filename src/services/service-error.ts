import { types } from 'node:util';
import { BackupServiceError, VmdkDriverError } from '../errors/index.js';

/** The error as a caller of the service shall see it: one of this library's as it is, any other as the cause of one. */
export function asServiceError(error: unknown, what: string): VmdkDriverError {
  if (error instanceof VmdkDriverError) return error;
  const reason = types.isNativeError(error) ? error.message : String(error);
  return new BackupServiceError(`${what}: ${reason}`, { cause: error });
}
