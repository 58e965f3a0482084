import { AbortError } from './errors/abort-error.js';

/**
 * Waits for what may never come, or what others wait for too, and no longer than until the signal is aborted: that ends the wait, not
 * the work. What comes later is nobody's.
 *
 * @throws AbortError, and what the promise is rejected with
 */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let abort = (): void => undefined;
  // One for each wait: a promise that lives as long as the operation would keep something of every wait.
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => {
      reject(new AbortError(signal));
    };
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
  });
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
