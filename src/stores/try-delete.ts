import type { ObjectStore } from './object-store.js';

/** How long it may take, in milliseconds. */
const limitMs = 60_000;

/**
 * Deletes what is of no use any more, where that can be done soon. It never rejects: what is left does no harm, and is found by who
 * collects garbage.
 */
export async function tryDelete(store: ObjectStore, keys: readonly string[]): Promise<void> {
  try {
    await store.delete(keys, { signal: AbortSignal.timeout(limitMs) });
  } catch {
    // Whoever called has done what it was asked for, or fails with a reason of its own.
  }
}
