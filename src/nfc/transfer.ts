import { anySignal } from '../any-signal.js';
import { AbortError, TransferError, VmdkDriverError } from '../errors/index.js';
import { traceTransfer } from '../operation/tracing.js';
import type { NfcLease } from './nfc-lease.js';
import { StallWatchdog } from './stall-watchdog.js';

/** While a host reads through a long empty region, a sound export sends no byte. */
const stallAdvice = {
  export: 'an export sends nothing for empty regions of the disk: if it has long ones, give a larger stallTimeoutMs',
  import: undefined,
} as const;

/** What a transfer runs under. */
export interface TransferScope {
  /** Aborted when the operation is, when the lease is lost and when bytes stop moving. */
  readonly signal: AbortSignal;
  /** To be called whenever bytes moved, with the part of the work that is done (0 to 1). */
  moved(fraction: number): void;
}

/** What a transfer needs. */
export interface TransferNeeds {
  readonly direction: 'export' | 'import';
  /** The peer, with its port where that is another one than 443. */
  readonly host: string;
  readonly lease: NfcLease;
  readonly stallTimeoutMs: number;
  /** Whether the local sink, not the peer, is holding the transfer up; the stall timer then restarts. */
  readonly isExcused?: () => boolean;
  readonly signal: AbortSignal;
}

/**
 * Runs one transfer of disk bytes: under a living lease, watched for stalls. Whatever ends it
 * early comes out as the error that says why, not as the broken pipe it led to.
 *
 * @throws TransferStalledError, LeaseError, AbortError, TransferError
 */
export async function transfer<T extends { readonly streamBytes: number }>(
  needs: TransferNeeds,
  run: (scope: TransferScope) => Promise<T>,
): Promise<T> {
  const { lease, signal, direction, host } = needs;
  const owned = anySignal(signal, lease.lost);
  try {
    using watchdog = new StallWatchdog(needs.stallTimeoutMs, needs.isExcused, stallAdvice[direction]);
    const scope: TransferScope = {
      signal: anySignal(owned, watchdog.signal),
      moved(fraction) {
        watchdog.touch();
        lease.progress(fraction);
      },
    };
    try {
      return await traceTransfer({ direction, host }, () => run(scope));
    } catch (error) {
      throw watchdog.signal.aborted ? watchdog.signal.reason : error;
    }
  } catch (error) {
    if (signal.aborted) throw new AbortError(signal);
    if (lease.lost.aborted) throw lease.lost.reason;
    throw error;
  }
}

/** Gives a host's own session the benefit of a typed error: what its streams fail with is a failed transfer. */
export function asTransferError(error: unknown): VmdkDriverError {
  if (error instanceof VmdkDriverError) return error;
  return new TransferError(error instanceof Error ? error.message : String(error), { cause: error });
}
