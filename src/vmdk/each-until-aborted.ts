import { untilAborted } from '../until-aborted.js';

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
