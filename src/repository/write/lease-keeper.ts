import { anySignal } from '../../any-signal.js';
import { StoreError } from '../../errors/index.js';
import type { ObjectStore } from '../../stores/object-store.js';
import { tryDelete } from '../../stores/try-delete.js';
import { untilAborted } from '../../until-aborted.js';
import type { Lease } from '../format/lease.js';
import { leaseKey } from '../format/names.js';

/** How often a running backup gives a sign of life, in milliseconds. */
const beatMs = 60_000;

/** How long one is waited for, in milliseconds; then the next is given. */
const beatLimitMs = 10 * 60_000;

/** How long a lease without a sign of life is good for, in milliseconds: 24 hours, by the store's clock. */
export const leaseLimitMs = 24 * 60 * 60 * 1000;

/**
 * Keeps a running backup's lease. What the lease names, garbage collection leaves alone.
 *
 * A writer whose signs of life did not get through for half the limit gives up by itself, so that whoever takes its lease
 * for dead is right.
 */
export class LeaseKeeper {
  readonly #store: ObjectStore;
  readonly #key: string;
  readonly #lease: Omit<Lease, 'beat'>;
  readonly #lost = new AbortController();
  readonly #stopped = new AbortController();
  #beat = 0;
  #beating: Promise<void> = Promise.resolve();
  #beatenAt = performance.now();
  /** When the store had the last sign of life that it answered, by its own clock. */
  #seenLastAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(store: ObjectStore, attempt: string, lease: Omit<Lease, 'beat'>) {
    this.#store = store;
    this.#key = leaseKey(attempt);
    this.#lease = lease;
  }

  /** Puts the lease; the backup may begin once this resolves. */
  static async begin(
    store: ObjectStore,
    attempt: string,
    lease: Omit<Lease, 'beat'>,
    signal: AbortSignal,
  ): Promise<LeaseKeeper> {
    const keeper = new LeaseKeeper(store, attempt, lease);
    await keeper.#put(signal);
    keeper.#timer = setInterval(() => {
      keeper.#beating = keeper.#beating.then(() => keeper.#renew());
    }, beatMs);
    keeper.#timer.unref();
    return keeper;
  }

  /** Aborted once the lease may be taken for dead. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Gives a sign of life, and tells whether the lease has been there, and alive, all the time. */
  async isThere(signal: AbortSignal): Promise<boolean> {
    // Behind the one that is under way: of two at once, the later would find the earlier's, and not how old the lease was.
    const beating = this.#beating.then(() => this.#giveSign(signal));
    this.#beating = beating.then(
      () => undefined,
      () => undefined,
    );
    return (await untilAborted(beating, signal)) && !this.lost.aborted;
  }

  /** Gives no more signs of life. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped.abort();
    await this.#beating;
  }

  /** Removes the lease. One that cannot be removed is dead after its limit. */
  async end(): Promise<void> {
    await this.stop();
    await tryDelete(this.#store, [this.#key]);
  }

  async #renew(): Promise<void> {
    const signal = anySignal(this.#stopped.signal, AbortSignal.timeout(beatLimitMs));
    try {
      if (!(await this.#giveSign(signal))) this.#giveUp();
    } catch (cause) {
      if (performance.now() - this.#beatenAt >= leaseLimitMs / 2) this.#giveUp(cause);
    }
  }

  /**
   * Gives a sign of life; false where the lease is gone, or had none for too long. One that was taken for dead must not come back: what
   * it names may have been marked since. A process that stood still, in a suspended machine say, learns of that from the store only,
   * whose clock went on.
   */
  async #giveSign(signal: AbortSignal): Promise<boolean> {
    const before = await this.#seenAt(signal);
    if (before === undefined) return false;
    // It is left behind, and not given up, which would keep later ones from being put. Should it arrive late, it counts for nothing.
    await untilAborted(this.#put(this.#stopped.signal), signal);
    this.#beatenAt = performance.now();
    const now = await this.#seenAt(signal);
    const last = this.#seenLastAt ?? before;
    this.#seenLastAt = now;
    return now !== undefined && now - last < leaseLimitMs / 2;
  }

  #giveUp(cause?: unknown): void {
    const message = "the repository's store had no sign of life for half a day: the backup is given up";
    this.#lost.abort(new StoreError('unavailable', message, { cause }));
  }

  /** When the store had the last sign of life, by its own clock; undefined where it has no lease. */
  async #seenAt(signal: AbortSignal): Promise<number | undefined> {
    return (await this.#store.stat(this.#key, { signal }))?.lastModified.getTime();
  }

  async #put(signal: AbortSignal): Promise<void> {
    const lease: Lease = { ...this.#lease, beat: this.#beat++ };
    await this.#store.put(this.#key, Buffer.from(JSON.stringify(lease)), { signal });
  }
}
