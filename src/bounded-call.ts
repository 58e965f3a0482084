/**
 * How long something injected may go on after it was told to stop, in milliseconds. A service that honours its signal may
 * want to remove what it has stored so far; one that ignores it must not hold the volume.
 */
export const graceMs = 10_000;

/** A call that is not waited for for ever. */
export interface BoundedCall<T> {
  /** Calls what was injected; it may throw, and give a promise, a thenable or a plain value. */
  readonly call: () => T | PromiseLike<T>;
  /** From its abort on the call has {@link graceMs} left. Without a signal it has these from the beginning. */
  readonly signal?: AbortSignal | undefined;
  /** Default {@link graceMs}. */
  readonly limitMs?: number | undefined;
  /** Makes the error the caller is left with when the time is up. */
  readonly onTimeUp: () => Error;
  /** Told when the call ended after all, well or not, though nobody waited any more. Must not throw. */
  readonly onLate?: ((value: T | undefined) => void) | undefined;
}

/**
 * Makes a call of something injected and leaves it behind where it does not end in time. What becomes of it then is nobody's
 * error: a late rejection is not unhandled.
 */
export async function boundedCall<T>({
  call,
  signal,
  limitMs = graceMs,
  onTimeUp,
  onLate,
}: BoundedCall<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  let left = false;
  // Asynchronous from the start: what throws at once rejects as well.
  const work = (async () => call())();
  const timeUp = new Promise<never>((_resolve, reject) => {
    const start = (): void => {
      timer = setTimeout(() => {
        left = true;
        reject(onTimeUp());
      }, limitMs);
    };
    if (signal === undefined || signal.aborted) start();
    else signal.addEventListener('abort', (onAbort = start), { once: true });
  });
  const ended = (value: T | undefined): void => {
    if (left) onLate?.(value);
  };
  work.then(ended, () => {
    ended(undefined);
  });
  try {
    return await Promise.race([work, timeUp]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
  }
}
