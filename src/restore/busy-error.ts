import { VimFault, VimProtocolError, VolumeBusyError } from '../errors/index.js';
import { livenessOf } from '../process/liveness.js';
import { parseOwner } from '../process/owner.js';
import { usualLeaseMs } from '../vim/busy-object.js';
import type { MoRef } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { defaultLimitMs, signsOfLife } from './signs-of-life.js';
import { type JournalledVm, readTemporaryVm } from './temporary-vm.js';

/**
 * What to tell somebody who comes second: who works on the volume, since when, and what to do.
 *
 * @param temporary the temporary VM that stands in the way
 */
export async function busyError(
  vim: VimSession,
  temporary: MoRef | undefined,
  volumeId: string,
  options?: AbortableOptions,
): Promise<VolumeBusyError> {
  const read = temporary && (await readTemporaryVm(vim, temporary, options).catch(passFaults));
  if (read?.journal === undefined) {
    const which =
      read === undefined ? 'a VM that cannot be read' : `the VM ${read.name}, which carries no journal of ours,`;
    const message = `${which} has the name of the temporary VM of a restore of volume ${volumeId}: if no restore is under way, remove it`;
    return new VolumeBusyError(message, { retryable: true });
  }
  const vm: JournalledVm = { ...read, journal: read.journal };
  const { owner, startedAt } = vm.journal;
  const { advice, retryAfterMs } = await whatToDo(vim, vm, options);
  return new VolumeBusyError(`a restore of volume ${volumeId} was begun at ${startedAt} by ${owner}; ${advice}`, {
    retryable: true,
    retryAfterMs,
  });
}

async function whatToDo(
  vim: VimSession,
  vm: JournalledVm,
  options: AbortableOptions | undefined,
): Promise<{ readonly advice: string; readonly retryAfterMs: number }> {
  const { leaseOpen, lastSeenMs } = await signsOfLife(vim, vm, options);
  if (leaseOpen)
    return { advice: 'its import holds a lease; try again when that has ended', retryAfterMs: usualLeaseMs };
  if (livenessOf(parseOwner(vm.journal.owner)) === 'dead' || lastSeenMs >= defaultLimitMs) {
    return { advice: 'its process is dead: call recover()', retryAfterMs: 0 };
  }
  const seconds = Math.round(lastSeenMs / 1000);
  return {
    advice: `it was last seen ${seconds} s ago; try again later, or call recover() if that process is dead`,
    retryAfterMs: defaultLimitMs - lastSeenMs,
  };
}

function passFaults(error: unknown): undefined {
  if (!(error instanceof VimFault || error instanceof VimProtocolError)) throw error;
  return undefined;
}
