import { VimConnectionError } from '../errors/index.js';
import { type Backoff, waitBeforeRetry } from './session/backoff.js';

const backoff: Backoff = { tries: 4, firstDelayMs: 500, maxDelayMs: 8_000 };

/**
 * Makes a change again as long as the connection is lost over it. Only for what is safe to make twice.
 *
 * @throws VimConnectionError where the server stays unreachable
 */
export async function repeatLost<T>(change: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await change();
    } catch (error) {
      if (!(error instanceof VimConnectionError) || !error.retryable || failures === backoff.tries) throw error;
      await waitBeforeRetry(backoff, failures, undefined);
    }
  }
}
