import { VimConnectionError, VimFault } from '../errors/index.js';
import { readProperties, readPropertiesOfMany } from './property-collector.js';
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

/**
 * Waits for an object's tasks that have not ended yet to end, well or not. Of the task manager's, those of disks' files:
 * it lists everybody's, and what others do to their VMs may take hours. So may an export, which changes nothing.
 *
 * @throws VimConnectionError where their end cannot be waited for: the state is not to be looked at before
 */
export async function runningTasksEnd(vim: VimSession, on: MoRef): Promise<void> {
  const ofManager = on.type === 'TaskManager';
  const { recentTask = [] } = await readProperties(vim, on, ofManager ? 'TaskManager' : 'ManagedEntity', [
    'recentTask',
  ]);
  const tasks = await readPropertiesOfMany(vim, recentTask, 'Task', ['info']);
  const running = tasks.filter(({ properties: { info } }) => {
    const isOver = info.state === 'success' || info.state === 'error';
    const mayMatter = ofManager
      ? info.descriptionId.includes('VirtualDiskManager.')
      : !/\.export/i.test(info.descriptionId);
    return !isOver && mayMatter;
  });
  await Promise.all(running.map(({ ref }) => taskEnds(vim, ref)));
}

async function taskEnds(vim: VimSession, task: MoRef): Promise<void> {
  try {
    await taskResult(vim, task, 'recentTask');
  } catch (error) {
    // What the task failed with is its caller's business.
    if (!(error instanceof VimFault)) throw error;
  }
}
