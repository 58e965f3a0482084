import {
  AbortError,
  type Cleanup,
  OwnershipLostError,
  RestoreError,
  VimConnectionError,
  VmdkDriverError,
} from '../errors/index.js';
import type { UnwrittenJournal } from '../journal/restore-journal.js';
import type { Operation } from '../operation/operation.js';
import { sharedState } from '../process/shared-state.js';
import { usualLeaseMs } from '../vim/busy-object.js';
import type { Ending } from './ending.js';
import type { ImportedVm } from './import-temporary-vm.js';
import { Ownership } from './ownership.js';
import type { Restoration } from './restoration.js';

/** A restoration that took effect. */
export interface Restored {
  readonly imported: ImportedVm;
  /** Whether everything the restore made besides the volume's disk is gone. */
  readonly cleanup: Cleanup;
  /** Datastore paths of files that were kept, since somebody refers to them, or may. */
  readonly kept: readonly string[];
}

/** The restores of this thread that are under way, by their operations: recovery leaves them alone. */
const running = sharedState('running-restores', () => new Set<string>());

/** Whether a restore is under way in this thread. */
export function isRunning({ operation }: Pick<UnwrittenJournal, 'operation'>): boolean {
  return running.has(operation);
}

/**
 * Runs a restoration and ends it, whichever way it went: forward where the volume has its new disk, back otherwise. Where
 * the server cannot be reached for that, what is left carries the journal and `recover()` ends it.
 */
export async function runRestoration(
  operation: Operation,
  journal: UnwrittenJournal,
  restoration: Restoration,
): Promise<Restored> {
  running.add(journal.operation);
  try {
    return await run(operation, journal, restoration);
  } finally {
    running.delete(journal.operation);
  }
}

async function run(operation: Operation, journal: UnwrittenJournal, restoration: Restoration): Promise<Restored> {
  const { vim, logger, progress, leftovers } = operation;
  let imported: ImportedVm | undefined;
  let ownership: Ownership | undefined;
  let failure: { readonly error: unknown } | undefined;
  try {
    imported = await restoration.importDisk();
    ownership = new Ownership(vim, imported.ref, journal.token, logger);
    await using _alive = ownership.keepAlive();
    progress.enter('swap');
    await restoration.apply(imported, ownership);
    progress.enter('cleanup');
  } catch (error) {
    failure = { error };
  }
  const ending = await end(operation, journal, restoration, ownership);
  if (ending?.leased === true) leftovers.note(usualLeaseMs);
  // The failing step may have been the read-back after a successful exchange.
  if (ending?.unproved !== undefined) throw asUnproved(failure?.error, ending, ending.unproved);
  const completed = failure === undefined || ending?.resolution === 'completed';
  if (completed && imported !== undefined) {
    if (failure !== undefined) {
      const { operation: restore, volumeId } = journal;
      logger.warn({ volumeId, restore, err: failure.error }, 'a restore took effect, though a step of it failed');
    }
    return { imported, cleanup: ending?.cleanup ?? 'pending', kept: ending?.kept ?? [] };
  }
  const isInDoubt = ending === undefined && imported !== undefined;
  throw asRestoreFailure(isInDoubt ? doubtOf(failure?.error) : failure?.error, ending, operation.signal);
}

/** `undefined` where it could not be ended, or not to its end. */
async function end(
  { logger }: Operation,
  { operation, volumeId }: UnwrittenJournal,
  restoration: Restoration,
  ownership: Ownership | undefined,
): Promise<Ending | undefined> {
  try {
    const ending = await restoration.end(ownership);
    if (ending.error !== undefined) {
      logger.warn(
        { volumeId, restore: operation, err: ending.error },
        'not all of a restore could be removed; recover() will',
      );
    }
    return ending;
  } catch (error) {
    logger.warn({ volumeId, restore: operation, err: error }, 'a restore could not be ended; recover() will');
    return undefined;
  }
}

/** What a failed restore rejects with: why it failed, what the volume has, and whether anything is left. */
function asRestoreFailure(error: unknown, ending: Ending | undefined, signal: AbortSignal): unknown {
  const failure = ending?.lost === true ? lossOf(error, ending, signal) : error;
  if (!(failure instanceof VmdkDriverError)) return failure;
  // A backup service that was left behind may have left something as well.
  if (failure.cleanup !== 'pending') failure.cleanup = ending?.cleanup ?? 'pending';
  return failure;
}

/** What a restore rejects with that gave the volume its new disk, which is not as it should be, or may not be. */
function asUnproved(cause: unknown, { cleanup, kept }: Ending, { message, retryable }: RestoreError): RestoreError {
  const error = new RestoreError(message, { cause, retryable, kept });
  error.cleanup = cleanup;
  return error;
}

/** A reply was lost, and the server stayed away: it may have been that of the call that gave the volume its disk. */
function doubtOf(error: unknown): unknown {
  if (!(error instanceof VimConnectionError) || error.outcome !== 'unknown') return error;
  const advice =
    'it is not known whether the volume has the restored disk: call recover() when the server is back; a new volume that has a backing then is restored';
  const { message, retryable, retryAfterMs } = error;
  return new VimConnectionError(`${message}; ${advice}`, 'unknown', { cause: error, retryable, retryAfterMs });
}

/** The restore was ended by somebody else, whatever its own steps failed with after that. */
function lossOf(error: unknown, { resolution }: Ending, signal: AbortSignal): unknown {
  if (resolution === 'undone' && error instanceof AbortError) return error;
  const cause = error instanceof OwnershipLostError ? error.cause : error;
  const details = { ...(cause === undefined ? {} : { cause }), retryable: resolution === 'undone' && !signal.aborted };
  return new OwnershipLostError(
    resolution === 'undone'
      ? 'somebody else took this restore for dead and ended it; the volume has its old disk'
      : 'somebody else took this restore for dead and ended it, and the volume was changed since: look which disk it has',
    details,
  );
}
