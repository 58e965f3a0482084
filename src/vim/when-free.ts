import { isVimFault } from '../errors/index.js';
import { blockingTaskEnds } from './busy-object.js';
import { type Backoff, waitBeforeRetry } from './session/backoff.js';
import type { AbortableOptions, VimSession } from './vim-session.js';

/** How often a change is tried that something stands in the way of: for about a minute. */
const usualPatience: Backoff = { tries: 8, firstDelayMs: 500, maxDelayMs: 15_000 };

/** How long something may stand in the way. */
export interface PatientOptions extends AbortableOptions {
  readonly patience?: Backoff | undefined;
}

/**
 * Makes a change as soon as nothing stands in its way, waiting for a bounded time. A task is waited for until the server tells its
 * end, a lease not at all. Nobody tells the end of a file's lock, which a host may hold for seconds after an import: that is tried
 * again, after growing pauses.
 *
 * @param change what has no effect where it is refused. One that goes by what was read before reads it again each time, or names
 *   the version that was read
 * @throws VimFault FileLocked, TaskInProgress where it stays in the way
 * @throws AbortError
 */
export async function whenFree<T>(
  vim: VimSession,
  change: () => Promise<T>,
  { signal, patience = usualPatience }: PatientOptions = {},
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await change();
    } catch (error) {
      if (!isVimFault(error, 'FileLocked', 'TaskInProgress') || failures >= patience.tries) throw error;
      const isTask = error.is('TaskInProgress');
      if (isTask && !(await blockingTaskEnds(vim, error, { signal }))) throw error;
      // A task that has ended may still be seen in the way, and one that cannot be looked at has not been waited for.
      if (!isTask || failures > 1) await waitBeforeRetry(patience, failures, signal);
    }
  }
}
