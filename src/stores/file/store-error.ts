import { errnoOf } from '../../errors/errno.js';
import { mayPass } from '../../errors/foreign-error.js';
import { StoreError, type StoreFailure, VmdkDriverError } from '../../errors/index.js';
import { reasonOf } from '../../errors/reason-of.js';

const failures: Readonly<Record<string, StoreFailure>> = {
  ENOSPC: 'quota',
  EDQUOT: 'quota',
  EFBIG: 'too-large',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
  // A network file system whose server is away.
  ETIMEDOUT: 'unavailable',
  ESTALE: 'unavailable',
  EHOSTDOWN: 'unavailable',
};

/** The error as a caller of the store shall see it: one of this library's as it is, any other as the cause of one. */
export function asStoreError(error: unknown, what: string): VmdkDriverError {
  if (error instanceof VmdkDriverError) return error;
  const reason = failures[errnoOf(error) ?? ''] ?? 'failed';
  return new StoreError(reason, `${what}: ${reasonOf(error)}`, { cause: error, retryable: mayPass(error) });
}
