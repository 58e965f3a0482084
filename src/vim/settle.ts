import { VimConnectionError, VimFault, VimProtocolError } from '../errors/index.js';
import { taskResult } from './run-task.js';
import { runningTasks } from './running-tasks.js';
import { saysGone } from './said-gone.js';
import type { MoRef } from './schema/index.js';
import type { VimSession } from './vim-session.js';

/** A change of the server's state that must not be made twice. */
export interface Change<T> {
  /** Makes the change. */
  readonly make: () => Promise<T>;
  /** The object whose running tasks may be making it: a VM, a folder, or the task manager for disks and files. */
  readonly on: MoRef;
  /** Reads from the server's state whether the change was made; `undefined` where it was not. */
  readonly lookUp: () => Promise<T | undefined>;
}

/** How long tasks are waited for that are ours by all signs, but on something that others work on too, in milliseconds. */
const sharedPatienceMs = 15 * 60_000;

/**
 * Makes a change whose outcome is known afterwards. Where the reply was lost, the tasks that may still be making it are
 * waited for and the server's state is looked at; the change is never repeated.
 *
 * @throws VimConnectionError with outcome `unknown` where the state cannot be looked at either, or shows that the change
 *   was not made
 */
export async function settle<T>(vim: VimSession, change: Change<T>): Promise<T> {
  const begunAt = performance.now();
  try {
    return await change.make();
  } catch (error) {
    if (!(error instanceof VimConnectionError && error.outcome === 'unknown')) throw error;
    const result = await lookUpAfter(error, async () => {
      await runningTasksEnd(vim, change.on, performance.now() - begunAt);
      return change.lookUp();
    });
    if (result === undefined) throw error;
    return result;
  }
}

/** A fault of the looking must not be taken for one of the change, which may have been made. */
async function lookUpAfter<T>(lost: VimConnectionError, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof VimFault || error instanceof VimProtocolError)) throw error;
    throw new VimConnectionError(`${lost.message}; what became of it cannot be seen: ${error.message}`, 'unknown', {
      cause: error,
    });
  }
}

/**
 * Waits for the tasks to end, well or not, that may still be at work on an object for this session: any of a VM's, but of
 * a folder's and of the task manager's only those of this session's user, and those for a bounded time.
 *
 * @param ageMs how long ago the first of them may have been started, in milliseconds; any time where absent
 * @throws VimConnectionError with outcome `unknown` where their end cannot be waited for: the state is not to be looked at
 *   before
 */
export async function runningTasksEnd(vim: VimSession, on: MoRef, ageMs?: number): Promise<void> {
  const tasks = await runningTasks(vim, on, ageMs);
  const isShared = on.type !== 'VirtualMachine';
  await Promise.all(tasks.map((task) => taskEnds(vim, task, isShared)));
}

async function taskEnds(vim: VimSession, task: MoRef, isShared: boolean): Promise<void> {
  const signal = isShared ? AbortSignal.timeout(sharedPatienceMs) : undefined;
  try {
    await taskResult(vim, task, 'recentTask', { signal });
  } catch (error) {
    if (signal?.aborted === true) {
      throw new VimConnectionError(`task ${task.value}, which may be ours, does not end`, 'unknown', { cause: error });
    }
    // What the task failed with is its caller's business; one that the server has forgotten ended long ago.
    const isOver = error instanceof VimFault || (error instanceof Error && saysGone(error.cause, task));
    if (!isOver) throw error;
  }
}
