import { once } from 'node:events';
import { AbortError, StoreError, throwIfAborted } from '../../errors/index.js';

/** Before each further try, in milliseconds; altogether about half a minute, in which a gateway is started anew. */
export const retryDelaysMs: readonly number[] = [250, 500, 1000, 2000, 4000, 8000, 15_000];

/** A store that asks for a longer pause is left alone: the caller learns how long. */
const maxRetryAfterMs = 30_000;

/** How requests are tried again. */
export interface RetryOptions {
  readonly delaysMs: readonly number[];
  readonly signal?: AbortSignal | undefined;
  /** Whether to try again after this error. Every retryable one where it is left out. */
  readonly isSafe?: ((error: StoreError) => boolean) | undefined;
}

/** Tries an action again, a bounded number of times, as long as it fails with what passes by itself. */
export async function withRetries<T>(
  { delaysMs, signal, isSafe = () => true }: RetryOptions,
  action: () => Promise<T>,
): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await action();
    } catch (error) {
      const delayMs = delaysMs[failures];
      if (!(error instanceof StoreError) || !error.retryable || !isSafe(error) || delayMs === undefined) throw error;
      const { retryAfterMs = 0 } = error;
      if (retryAfterMs > maxRetryAfterMs) throw error;
      await pause(Math.max(jittered(delayMs), retryAfterMs), signal);
    }
  }
}

/** Between half and all of it, so that clients which failed together do not come back together. */
function jittered(ms: number): number {
  return ms * (0.5 + Math.random() / 2);
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  throwIfAborted(signal);
  const timer = new AbortController();
  const waiting = new Promise<void>((resolve) => {
    const timeout = setTimeout(resolve, ms);
    timer.signal.addEventListener('abort', () => {
      clearTimeout(timeout);
    });
  });
  try {
    await Promise.race(signal === undefined ? [waiting] : [waiting, once(signal, 'abort', { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
  if (signal?.aborted === true) throw new AbortError(signal);
}

/** `Retry-After` as milliseconds: seconds, or a date. */
export function retryAfterMs(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
