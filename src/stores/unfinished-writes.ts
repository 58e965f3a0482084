import { boundedCall } from '../bounded-call.js';
import { StoreError } from '../errors/index.js';
import { untilAborted } from '../until-aborted.js';
import type { ObjectStore } from './object-store.js';

interface Write {
  readonly keys: ReadonlySet<string>;
  readonly signal: AbortSignal | undefined;
  readonly work: Promise<unknown>;
}

/** By the store itself: several that guard the same one know of each other's. */
const byStore = new WeakMap<ObjectStore, UnfinishedWrites>();

/**
 * Puts and deletions of a store that have not ended, whether somebody waits for them or not.
 *
 * One that was given up may still take effect, and undo what was written since. So it goes first, and nothing is written to its keys
 * until it has ended.
 */
export class UnfinishedWrites {
  readonly #writes = new Set<Write>();

  static of(store: ObjectStore): UnfinishedWrites {
    const known = byStore.get(store) ?? new UnfinishedWrites();
    byStore.set(store, known);
    return known;
  }

  async run<T>(keys: readonly string[], signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
    const work = call();
    const write = { keys: new Set(keys), signal, work };
    this.#writes.add(write);
    try {
      return await work;
    } finally {
      this.#writes.delete(write);
    }
  }

  /** Whether a write to the key was given up, and has not ended. */
  isGivenUp(key: string): boolean {
    return this.#givenUp(key).length > 0;
  }

  /**
   * Waits for writes to the key that were given up, no longer than the grace.
   *
   * @throws StoreError
   */
  async settle(key: string, signal: AbortSignal | undefined): Promise<void> {
    const given = this.#givenUp(key);
    if (given.length === 0) return;
    const call = () => Promise.allSettled(given.map(({ work }) => work));
    await untilAborted(boundedCall({ call, onTimeUp: () => stillWritten(key) }), signal);
  }

  #givenUp(key: string): Write[] {
    return [...this.#writes].filter(({ keys, signal }) => signal?.aborted === true && keys.has(key));
  }
}

/** Why a key is not written to. */
export function stillWritten(key: string): StoreError {
  const message = `the object store has not ended a put or a deletion of ${key} that was given up, which may still take effect`;
  return new StoreError('unavailable', message);
}
