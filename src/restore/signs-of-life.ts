import { isLeaseTask } from '../vim/busy-object.js';
import { readPropertiesOfEach } from '../vim/property-collector.js';
import { serverTime } from '../vim/server-time.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import type { JournalledVm } from './temporary-vm.js';

/** How long after its owner's last sign of life a restore is taken for dead, in milliseconds, where nothing else tells. */
export const defaultLimitMs = 15 * 60_000;

/** How far ahead of the server's clock a stamp may be: clocks are set back a little. One that is further says nothing. */
const clockSlackMs = 60_000;

/** What the inventory shows of whoever runs a restore. All times are the server's. */
export interface SignsOfLife {
  /** Whether a lease is open on the temporary VM: nobody but its holder can end it. */
  readonly leaseOpen: boolean;
  /** How long ago its owner was certainly there, in milliseconds; `Infinity` where nothing shows it. */
  readonly lastSeenMs: number;
}

/**
 * Looks for signs of life: an open lease, the end of one, a running task on the temporary VM, a stamp. How long ago a restore
 * began is none: it may take days.
 */
export async function signsOfLife(
  vim: VimSession,
  { journal, recentTasks }: JournalledVm,
  options?: AbortableOptions,
): Promise<SignsOfLife> {
  const now = (await serverTime(vim, options)).getTime();
  const { found } = await readPropertiesOfEach(vim, recentTasks, 'Task', ['info'], options ?? {});
  const tasks = found.map(({ properties: { info } }) => ({
    isLease: isLeaseTask(info.descriptionId),
    isOver: info.state === 'success' || info.state === 'error',
    completeTime: info.completeTime,
  }));
  const leaseOpen = tasks.some(({ isLease, isOver }) => isLease && !isOver);
  const times = [
    ...(tasks.some(({ isOver }) => !isOver) ? [now] : []),
    ...tasks.flatMap(({ isLease, completeTime }) => (isLease ? [Date.parse(completeTime ?? '')] : [])),
    Date.parse(journal.stamp),
  ];
  const ages = times.map((time) => ageAt(now, time)).filter((age) => age !== undefined);
  return { leaseOpen, lastSeenMs: Math.min(Infinity, ...ages) };
}

function ageAt(now: number, time: number): number | undefined {
  // Planted, or of a clock that was wrong: it would keep a dead restore alive for ever.
  if (Number.isNaN(time) || time > now + clockSlackMs) return undefined;
  return Math.max(0, now - time);
}
