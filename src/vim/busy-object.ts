import { isVimFault, VimFault } from '../errors/index.js';
import { readProperties } from './property-collector.js';
import { taskResult } from './run-task.js';
import type { MoRef } from './schema/index.js';
import type { VimSession } from './vim-session.js';

/** How long a lease lasts that nobody renews, in milliseconds, where the server was not told otherwise. */
export const usualLeaseMs = 5 * 60_000;

/** How long one wait for a task that stands in the way may take, in milliseconds, and how often it is waited for. */
const patienceMs = 10_000;
const patience = 3;

/** Whether a task is that of a lease: it ends when its holder ends it, or lets it time out, and not before. */
export function isLeaseTask(descriptionId: string): boolean {
  return /import|export/i.test(descriptionId);
}

/**
 * Makes a change of an object that may be busy: a task that stands in the way is waited for, for a bounded time. A lease is not
 * waited for.
 *
 * @throws VimFault TaskInProgress where it stays busy
 */
export async function whenIdle<T>(vim: VimSession, change: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await change();
    } catch (error) {
      if (!isVimFault(error, 'TaskInProgress') || attempt === patience) throw error;
      const task = blockingTask(error);
      if (task === undefined || (await isLease(vim, task))) throw error;
      await taskResult(vim, task, 'TaskInProgress', { signal: AbortSignal.timeout(patienceMs) }).catch(() => undefined);
    }
  }
}

/** How long an object that is busy may stay so, in milliseconds, where a lease holds it; `undefined` where that is not known. */
export async function busyForMs(vim: VimSession, fault: VimFault): Promise<number | undefined> {
  const task = blockingTask(fault);
  const isHeld = task !== undefined && (await isLease(vim, task).catch(() => false));
  return isHeld ? usualLeaseMs : undefined;
}

function blockingTask({ detail }: VimFault): MoRef | undefined {
  return detail['task'] as MoRef | undefined;
}

async function isLease(vim: VimSession, task: MoRef): Promise<boolean> {
  try {
    const { info } = await readProperties(vim, task, 'Task', ['info']);
    return isLeaseTask(info.descriptionId);
  } catch (error) {
    // Forgotten, and so over; or not ours to look at.
    if (error instanceof VimFault) return false;
    throw error;
  }
}
