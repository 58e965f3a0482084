import { startTicksOf } from './incarnation.js';
import { type Owner, thisOwner } from './owner.js';

/** Whether a process is still there, as far as this one can tell. */
export type Liveness = 'alive' | 'dead' | 'unknown';

/**
 * Whether an owner's process lives. Known only of processes that are counted in the same number space as this one: of the
 * same boot and the same PID namespace. A container on the same machine, another machine, and a system that does not say
 * when a process was started are `unknown`: there, signs of life decide.
 */
export function livenessOf(owner: Pick<Owner, 'pid' | 'random' | 'incarnation'> | undefined): Liveness {
  if (owner === undefined) return 'unknown';
  if (owner.random === thisOwner.random) return 'alive';
  const theirs = owner.incarnation;
  if (theirs === undefined || theirs.numberSpace !== thisOwner.incarnation?.numberSpace) return 'unknown';
  if (!processExists(owner.pid)) return 'dead';
  const startTicks = startTicksOf(owner.pid);
  if (startTicks === undefined) return 'unknown';
  // Another process may have got the number since.
  return startTicks === theirs.startTicks ? 'alive' : 'dead';
}

/** Whether a process of this number is there now, whatever it is. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process may not be signalled, but it is there.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
