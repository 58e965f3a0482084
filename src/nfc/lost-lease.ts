import { VimConnectionError } from '../errors/index.js';

/** How long a lease lasts that nobody renews, in milliseconds, where the server was not told otherwise. */
export const usualLeaseMs = 5 * 60_000;

/**
 * Says of a lost reply to a call that opens a lease what it may have left: a lease that nobody knows, and that holds the VM until
 * it times out.
 */
export function asLostLease(error: unknown): unknown {
  if (error instanceof VimConnectionError && error.outcome === 'unknown') {
    error.cleanup = 'pending';
    error.retryAfterMs = usualLeaseMs;
  }
  return error;
}
