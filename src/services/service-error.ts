import { mayPass } from '../errors/foreign-error.js';
import { BackupServiceError, VmdkDriverError } from '../errors/index.js';
import { reasonOf } from '../errors/reason-of.js';

/** The error as a caller of the service shall see it: one of this library's as it is, any other as the cause of one. */
export function asServiceError(error: unknown, what: string): VmdkDriverError {
  if (error instanceof VmdkDriverError) return error;
  return new BackupServiceError(`${what}: ${reasonOf(error)}`, { cause: error, retryable: mayPass(error) });
}
