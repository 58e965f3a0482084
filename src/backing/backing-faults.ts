import { BackingInUseError, isVimFault, VolumeBusyError } from '../errors/index.js';
import { busyForMs } from '../vim/busy-object.js';
import type { VimSession } from '../vim/vim-session.js';

/** What a fault about a backing means to the caller: somebody uses its disk, or works on the VM. */
export async function asBackingError(vim: VimSession, error: unknown, backingName: string): Promise<unknown> {
  if (isVimFault(error, 'InvalidPowerState')) {
    return new BackingInUseError(`${backingName} is powered on, and a backing never is: power it off`, {
      cause: error,
    });
  }
  if (isVimFault(error, 'FileLocked')) {
    return new BackingInUseError(
      `the disk of ${backingName} is locked by somebody who has it open: detach it there, or wait`,
      { cause: error, retryable: true },
    );
  }
  if (isVimFault(error, 'TaskInProgress', 'ConcurrentAccess')) {
    return new VolumeBusyError(
      `another operation is under way on ${backingName}: wait for its end; a lease that a dead process left ends by itself in minutes`,
      { cause: error, retryAfterMs: await busyForMs(vim, error) },
    );
  }
  return error;
}
