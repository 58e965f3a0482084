import { type ErrorDetails, VmdkDriverError } from './vmdk-driver-error.js';

/** The operation's `signal` was aborted; {@link Error.cause} is the signal's reason. */
export class AbortError extends VmdkDriverError {
  static override readonly brand: string = 'AbortError';
  readonly code = 'ABORTED';

  constructor(signal: Pick<AbortSignal, 'reason'>, details?: ErrorDetails) {
    super('the operation was aborted', { ...details, cause: signal.reason as unknown });
  }
}

/**
 * Ends the caller with an {@link AbortError} if the signal is aborted.
 *
 * @throws AbortError
 */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new AbortError(signal);
}
