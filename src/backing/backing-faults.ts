import { BackingInUseError, isVimFault, VolumeBusyError } from '../errors/index.js';

/** What a fault about a backing means to the caller: somebody uses its disk, or works on the VM. */
export function asBackingError(error: unknown, backingName: string): unknown {
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
      { cause: error },
    );
  }
  return error;
}
