import { anySignal } from '../any-signal.js';
import { throwIfAborted, VimFault } from '../errors/index.js';
import { readProperties } from './property-collector.js';
import { taskResult } from './run-task.js';
import type { MoRef } from './schema/index.js';
import type { AbortableOptions, VimSession } from './vim-session.js';

/** How long a lease lasts that nobody renews, in milliseconds, where the server was not told otherwise. */
export const usualLeaseMs = 5 * 60_000;

/** How long one wait for a task that stands in the way may take, in milliseconds. */
const patienceMs = 10_000;

/** Whether a task is that of a lease: it ends when its holder ends it, or lets it time out, and not before. */
export function isLeaseTask(descriptionId: string): boolean {
  return /import|export/i.test(descriptionId);
}

/**
 * Waits for the end of the task that stood in a change's way, for a bounded time. A lease is not waited for.
 *
 * @returns whether the way may be free then; not where a lease holds the object, or the server names no task
 * @throws AbortError
 */
export async function blockingTaskEnds(
  vim: VimSession,
  fault: VimFault,
  { signal }: AbortableOptions = {},
): Promise<boolean> {
  const task = blockingTask(fault);
  if (task === undefined || (await isLease(vim, task))) return false;
  const limit = AbortSignal.timeout(patienceMs);
  const ended = taskResult(vim, task, 'TaskInProgress', {
    signal: signal === undefined ? limit : anySignal(signal, limit),
  });
  // How it ended is its owner's business; whether it stands in the way still tells the next try.
  await ended.catch(() => undefined);
  throwIfAborted(signal);
  return true;
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
    const { 'info.descriptionId': id } = await readProperties(vim, task, 'Task', ['info.descriptionId']);
    return isLeaseTask(id);
  } catch (error) {
    // Forgotten, and so over; or not ours to look at.
    if (error instanceof VimFault) return false;
    throw error;
  }
}
