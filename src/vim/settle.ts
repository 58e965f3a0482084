import { VimConnectionError } from '../errors/index.js';
import { readProperties } from './property-collector.js';
import { taskResult } from './run-task.js';
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

/**
 * Makes a change whose outcome is known afterwards. Where the reply was lost, the tasks that may still be making it are
 * waited for and the server's state is looked at; the change is never repeated.
 *
 * @throws VimConnectionError with outcome `unknown` where the state cannot be looked at either, or shows that the change
 *   was not made
 */
export async function settle<T>(vim: VimSession, change: Change<T>): Promise<T> {
  try {
    return await change.make();
  } catch (error) {
    if (!(error instanceof VimConnectionError && error.outcome === 'unknown')) throw error;
    await runningTasksEnd(vim, change.on);
    const result = await change.lookUp();
    if (result === undefined) throw error;
    return result;
  }
}

/** Waits for the tasks an object lists as recent to end, well or not. */
export async function runningTasksEnd(vim: VimSession, on: MoRef): Promise<void> {
  const type = on.type === 'TaskManager' ? 'TaskManager' : 'ManagedEntity';
  const { recentTask } = await readProperties(vim, on, type, ['recentTask']);
  await Promise.allSettled((recentTask ?? []).map((task) => taskResult(vim, task, 'recentTask')));
}
