import { boundedCall, graceMs } from '../bounded-call.js';
import { mayPass } from '../errors/foreign-error.js';
import { AbortError, BackupServiceError, type VmdkDriverError } from '../errors/index.js';
import { reasonOf } from '../errors/reason-of.js';
import type { Logger } from '../logger.js';
import { ownError } from './own-error.js';

/** What calling a backup service for one operation needs. */
export interface ServiceGuard {
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/**
 * Calls the application's backup service for an operation. Once that is aborted the call has {@link graceMs} left.
 *
 * @param name the method, for messages
 * @param onLate told when a call that was left behind has ended after all
 * @throws BackupServiceError that says why it failed; AbortError, with `cleanup: 'pending'` where the call was left behind
 */
export async function serviceCall<T>(
  { signal, logger }: ServiceGuard,
  name: string,
  call: () => T | PromiseLike<T>,
  onLate?: (value: T | undefined) => void,
): Promise<T> {
  const onTimeUp = (): AbortError => {
    logger.warn(
      { call: name, graceMs },
      'the backup service did not stop when it was told to; the call is left behind',
    );
    const error = new AbortError(signal);
    error.cleanup = 'pending';
    return error;
  };
  try {
    return await boundedCall({ call, signal, onTimeUp, onLate });
  } catch (error) {
    throw asServiceError(error, signal);
  }
}

function asServiceError(error: unknown, signal: AbortSignal): VmdkDriverError {
  const own = ownError(error, signal);
  if (signal.aborted) return own instanceof AbortError ? own : new AbortError(signal);
  return own ?? serviceError(reasonOf(error), error);
}

/** What the backup service did wrong, as the operation's error. */
export function serviceError(reason: string, cause?: unknown): BackupServiceError {
  return new BackupServiceError(`the backup service failed: ${reason}`, { cause, retryable: mayPass(cause) });
}
