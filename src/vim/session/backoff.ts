import { setTimeout as sleep } from 'node:timers/promises';
import { AbortError } from '../../errors/index.js';

/** How the time between tries grows. */
export interface Delays {
  /** The time before the second try, in milliseconds; it doubles with each. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

/** How often something is tried, and when. */
export interface Backoff extends Delays {
  /** How often something is tried at most. */
  readonly tries: number;
}

/**
 * Waits before another try: exponentially longer each time, and up to half of that more at random, so that many clients
 * of a server that came back do not all return at once.
 *
 * @param failures how many tries failed so far, from 1
 * @throws AbortError
 */
export async function waitBeforeRetry(
  { firstDelayMs, maxDelayMs }: Delays,
  failures: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const delay = Math.min(maxDelayMs, firstDelayMs * 2 ** (failures - 1));
  try {
    await sleep(delay * (1 + Math.random() / 2), undefined, { ...(signal === undefined ? {} : { signal }) });
  } catch {
    throw new AbortError({ reason: signal?.reason as unknown });
  }
}

/**
 * Tries something until it succeeds, fails for good, or was tried often enough; rejects with the last failure.
 *
 * @throws AbortError
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  mayRepeat: (error: unknown) => boolean,
  backoff: Backoff,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (failures >= backoff.tries || !mayRepeat(error)) throw error;
    }
    await waitBeforeRetry(backoff, failures, signal);
  }
}
