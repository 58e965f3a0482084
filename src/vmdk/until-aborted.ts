import { AbortError } from '../errors/abort-error.js';

/**
 * Waits for what may never come, and no longer than until the signal is aborted. What comes later is nobody's.
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

/**
 * What somebody's iterator gives, each waited for no longer than until the signal is aborted. An iterator that is left early is told
 * so.
 *
 * @throws AbortError, and what the iterator throws
 */
export async function* eachUntilAborted<T>(
  iterator: AsyncIterator<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, void> {
  let ended = false;
  try {
    for (;;) {
      const next = await untilAborted(iterator.next(), signal);
      ended = next.done === true;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // Not waited for: a generator that is stuck in a wait of its own would hold up the abort.
    if (!ended) {
      const leave = async (): Promise<unknown> => iterator.return?.();
      leave().catch(() => undefined);
    }
  }
}
