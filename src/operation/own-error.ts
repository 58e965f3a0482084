import { unshared } from '../errors/foreign-error.js';
import { AbortError, VmdkDriverError } from '../errors/index.js';

/**
 * What something injected failed with, where that is one of this library's errors: it keeps what it says. Not so an abort where
 * nobody aborted, whatever was injected did to itself.
 *
 * @param signal what the call was to be aborted by, if by anything
 */
export function ownError(error: unknown, signal?: AbortSignal): VmdkDriverError | undefined {
  if (!(error instanceof VmdkDriverError)) return undefined;
  return signal?.aborted === true || !(error instanceof AbortError) ? unshared(error) : undefined;
}
