import type { ResolvedFleetOptions } from './fleet-options.js';
import type { JobError } from './job-error.js';

/** How much longer than the first the longest pause is: seven doublings. */
const longestPauses = 2 ** 7;

/**
 * How long to wait before a job is tried again, in milliseconds. It doubles with each try, and is no less than what the error asks
 * for. Of a busy volume that says how long its holder may live: workers notice sooner that he is dead.
 *
 * @param tries how often it was tried
 */
export function pauseBefore(
  tries: number,
  { code, retryAfterMs = 0 }: JobError,
  { retryDelayMs }: Pick<ResolvedFleetOptions, 'retryDelayMs'>,
): number {
  const pause = retryDelayMs * Math.min(2 ** (tries - 1), longestPauses);
  return code === 'VOLUME_BUSY' ? pause : Math.max(pause, retryAfterMs);
}
