import { type ErrorCode, StoreError, throwIfAborted, VmdkDriverError } from '../../errors/index.js';

/** What errors say that something is not as it was stored. Any other says that it could not be looked at. */
const damageCodes: ReadonlySet<ErrorCode> = new Set([
  'REPOSITORY_DAMAGED',
  'BACKUP_CORRUPT',
  'WRONG_KEY',
  'UNSUPPORTED_BACKUP',
]);

/** What is broken is told; what prevents looking ends the verification. */
export function problemOf(error: unknown, signal: AbortSignal | undefined): string {
  throwIfAborted(signal);
  if (!(error instanceof VmdkDriverError && (damageCodes.has(error.code) || hasOtherBytes(error)))) throw error;
  return error.message;
}

/** Whether a store has other bytes than were put, each time it was asked. One that was replaced while it was read is not broken. */
function hasOtherBytes(error: VmdkDriverError): boolean {
  return error instanceof StoreError && error.reason === 'integrity' && error.retryable;
}
