import { boundedCall } from '../bounded-call.js';
import { StoreError } from '../errors/index.js';
import { sharedState } from '../process/shared-state.js';
import { untilAborted } from '../until-aborted.js';
import type { ObjectStore } from './object-store.js';

/** A put or a deletion. */
interface Write {
  readonly kind: 'put' | 'delete';
  readonly keys: readonly string[];
  readonly signal: AbortSignal | undefined;
}

interface Unfinished extends Write {
  readonly work: Promise<unknown>;
}

/** By the store itself: all that guard the same one know of each other's. */
const byStore = sharedState('unfinished-writes/1', () => new WeakMap<ObjectStore, Set<Unfinished>>());

/**
 * Puts and deletions of a store that have not ended, whether somebody waits for them or not.
 *
 * One that was given up may still take effect, and undo what was written since.
 */
export class UnfinishedWrites {
  readonly #writes: Set<Unfinished>;

  constructor(store: ObjectStore) {
    this.#writes = byStore.get(store) ?? new Set();
    byStore.set(store, this.#writes);
  }

  async run<T>(write: Write, call: () => Promise<T>): Promise<T> {
    const work = call();
    const unfinished = { ...write, work };
    this.#writes.add(unfinished);
    try {
      return await work;
    } finally {
      this.#writes.delete(unfinished);
    }
  }

  /** Whether a put that was given up may still bring the object. */
  mayReappear(key: string): boolean {
    return this.#givenUp(key).some(({ kind }) => kind === 'put');
  }

  /**
   * Waits until no write that was given up can undo a put of the key, no longer than the grace.
   *
   * @throws StoreError
   */
  async settle(key: string, signal: AbortSignal | undefined): Promise<void> {
    const writes = this.#givenUp(key);
    if (writes.length === 0) return;
    const call = () => Promise.allSettled(writes.map(({ work }) => work));
    await untilAborted(boundedCall({ call, onTimeUp: () => unfinishedWrite(key) }), signal);
  }

  #givenUp(key: string): Unfinished[] {
    return [...this.#writes].filter(({ keys, signal }) => signal?.aborted === true && keys.includes(key));
  }
}

/** Why a put is not made, or a deletion is not relied on. */
export function unfinishedWrite(key: string): StoreError {
  const message = `the object store has not ended a put or a deletion of ${key} that was given up, which may still take effect`;
  return new StoreError('unavailable', message);
}
