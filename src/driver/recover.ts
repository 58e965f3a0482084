import { randomUUID } from 'node:crypto';
import { datacenterOf } from '../backing/inventory.js';
import { AbortError, OwnershipLostError, RestoreError, throwIfAborted, VmdkDriverError } from '../errors/index.js';
import type { Logger } from '../logger.js';
import type { ResolvedConfig } from '../operation/driver-config.js';
import { type BackingState, findBackingOf } from '../restore/backing-state.js';
import { claimProblem } from '../restore/check-claim.js';
import { endPublication } from '../restore/end-publication.js';
import { endReplacement } from '../restore/end-replacement.js';
import type { Ending, Resolution } from '../restore/ending.js';
import { type FoundTemporaryVm, listTemporaryVms } from '../restore/find-temporary-vms.js';
import { signsOfLife } from '../restore/signs-of-life.js';
import { type JournalledVm, readTemporaryVm } from '../restore/temporary-vm.js';
import type { UnreadableObject } from '../vim/property-collector.js';
import type { VimSession } from '../vim/vim-session.js';
import { type IsAlive, isTakenForAlive } from './is-taken-for-alive.js';
import { sweepTemporaryFiles } from './sweep-temporary-files.js';

/** What became of one restore that had not ended. */
export interface RecoveredRestore {
  /** Absent, as `owner` and `startedAt` are, where the temporary VM that would tell could not be read. */
  readonly volumeId?: string | undefined;
  /** Who ran it, and since when (ISO 8601, by the server's clock). */
  readonly owner?: string | undefined;
  readonly startedAt?: string | undefined;
  /**
   * `completed`: the volume has the restored disk; `undone`: it is as it was before; `running`: left alone, since its owner
   * lives or may, or an import's lease, which nobody else can end, is open: a later call ends it; `failed`: could not be
   * ended now, or has given the volume a disk that is not as it should be, with the old one in `kept`; `error` says why.
   */
  readonly outcome: Resolution | 'running' | 'failed';
  /**
   * Datastore paths of files that were kept, since another VM refers to them, or may, or since the volume's new disk is not as it should
   * be; absent where there are none.
   */
  readonly kept?: readonly string[] | undefined;
  readonly error?: unknown;
}

/** What recovery did. */
export interface RecoveryReport {
  readonly restores: readonly RecoveredRestore[];
  /** Temporary files of dead processes that were deleted. */
  readonly temporaryFiles: readonly string[];
}

/** What recovery needs. */
export interface Recovery {
  readonly vim: VimSession;
  readonly config: ResolvedConfig;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** How long ago a restore's owner was last seen, at least, for it to be taken for dead; in milliseconds. */
  readonly olderThanMs: number;
  /** Asked before anything else. */
  readonly isAlive: IsAlive | undefined;
}

/**
 * Ends what dead processes left: restores, by the journal their temporary VMs carry, and temporary files. It may run
 * beside living operations and be repeated. What cannot be read, or not be ended, keeps it from nothing else.
 */
export async function recover(recovery: Recovery): Promise<RecoveryReport> {
  const { vim, config, logger, signal, olderThanMs } = recovery;
  const restores: RecoveredRestore[] = [];
  const { found, unreadable } = await listTemporaryVms(vim, { signal });
  for (const vm of found) {
    throwIfAborted(signal);
    const restore = await recoverOne(recovery, vm);
    if (restore !== undefined) restores.push(restore);
  }
  for (const object of unreadable) {
    const { ref, error } = object;
    logger.warn({ object: ref.value, err: error }, 'a restore may be left where nothing can be read');
    if (ref.type === 'VirtualMachine') restores.push(unreadVm(object));
  }
  return { restores, temporaryFiles: await sweepTemporaryFiles({ directory: config.tmpDir, olderThanMs, logger }) };
}

/** A temporary VM by its UUID or name: whose restore it is of, and whether that one lives, nobody can tell. */
function unreadVm({ ref, error }: UnreadableObject): RecoveredRestore {
  const { message, retryable } = error;
  const why = `the temporary VM ${ref.value} cannot be read: ${message}`;
  return { outcome: 'failed', error: new RestoreError(why, { cause: error, retryable }) };
}

/** @returns `undefined` where somebody else ended it since it was found */
async function recoverOne(
  recovery: Recovery,
  { ref, journal }: FoundTemporaryVm,
): Promise<RecoveredRestore | undefined> {
  const { vim, logger, signal } = recovery;
  const { volumeId, owner, startedAt } = journal;
  const found = { volumeId, owner, startedAt };
  try {
    const read = await readTemporaryVm(vim, ref, { signal });
    if (read?.journal === undefined) return undefined;
    const vm = { ...read, journal: read.journal };
    const signs = await signsOfLife(vim, vm, { signal });
    if (signs.leaseOpen || (await isTakenForAlive(recovery, vm.journal, signs)))
      return { ...found, outcome: 'running' };
    const { resolution, kept, lost, leased, unproved, error = unproved } = await endOf(recovery, vm);
    // Whoever took it over since ends it.
    if (resolution === undefined || lost || leased) return { ...found, outcome: 'running' };
    const keeping = kept.length === 0 ? {} : { kept };
    if (error !== undefined) {
      logger.warn({ volumeId, err: error }, 'a restore could not be ended well');
      return { ...found, outcome: 'failed', ...keeping, error };
    }
    return { ...found, outcome: resolution, ...keeping };
  } catch (error) {
    if (error instanceof AbortError || !(error instanceof VmdkDriverError)) throw error;
    if (error instanceof OwnershipLostError) return { ...found, outcome: 'running' };
    logger.warn({ volumeId, err: error }, 'a restore could not be ended');
    return { ...found, outcome: 'failed', error };
  }
}

/** Checks what the journal claims, and ends the restore. */
async function endOf({ vim, logger, signal }: Recovery, vm: JournalledVm): Promise<Ending> {
  const { journal, ref, folder } = vm;
  const backing = journal.replacement === undefined ? undefined : await findBackingOf(vim, journal, folder);
  const problem = claimProblem(vm, backing) ?? (await datacenterProblem(vim, vm, backing, signal));
  if (problem !== undefined) {
    throw new RestoreError(`the VM ${vm.name} is not what its journal says (${problem}); nothing was changed`);
  }
  const token = randomUUID();
  const takesFrom = journal.token;
  return backing === undefined
    ? endPublication(vim, ref, { token, takesFrom, logger })
    : endReplacement(vim, ref, { backing: backing.ref, token, takesFrom, mustFence: true, logger });
}

/** Paths mean nothing without their datacenter. */
async function datacenterProblem(
  vim: VimSession,
  { journal }: JournalledVm,
  backing: BackingState | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (backing === undefined) return undefined;
  const { value } = await datacenterOf(vim, backing.ref, { signal });
  const claimed = journal.replacement?.datacenter;
  return claimed === value ? undefined : `${backing.name} is in another datacenter`;
}
