import type { Semaphore } from 'redis-semaphore';
import { throwIfAborted, type TransferSlots } from '../index.js';
import { loadSemaphore } from './peers.js';
import type { Queues } from './queues.js';
import { onRedis } from './redis-failure.js';

/** How often Redis is asked again for a slot, in milliseconds: a transfer takes minutes. */
const askAgainMs = 500;

/** For how long a host keeps the memory of a lease that nobody keeps alive, in milliseconds: vSphere's default. */
const leaseMs = 5 * 60_000;

/**
 * Transfers of all workers with each ESXi host of a vCenter, counted together in Redis by `redis-semaphore`. The slot of a worker that
 * died is free again when its lease has run out.
 */
export class HostSlots implements TransferSlots {
  readonly #queues: Queues;
  readonly #vcenter: string;
  readonly #leaseMs: number;
  readonly #releasing = new Set<Promise<void>>();

  /** @param lasts how long a lease of this vCenter lives on by itself, in milliseconds */
  constructor(queues: Queues, vcenter: string, lasts = leaseMs) {
    this.#queues = queues;
    this.#vcenter = vcenter;
    this.#leaseMs = lasts;
  }

  async take(host: string, { signal }: { readonly signal: AbortSignal }): Promise<Disposable> {
    const semaphore = await this.#semaphore(host);
    const release = (): void => {
      const releasing = this.#release(host, semaphore).finally(() => this.#releasing.delete(releasing));
      this.#releasing.add(releasing);
    };
    await onRedis(() => semaphore.acquire(signal)).catch((error: unknown) => {
      // It may have been given, and the answer lost.
      release();
      throwIfAborted(signal);
      throw error;
    });
    return { [Symbol.dispose]: release };
  }

  /** Waits until all that was given back is free for others. */
  async settled(): Promise<void> {
    await Promise.all(this.#releasing);
  }

  async #semaphore(host: string): Promise<Semaphore> {
    const { Semaphore } = await loadSemaphore();
    const { transfersPerHost, lockMs, logger } = this.#queues.options;
    const vcenter = this.#vcenter;
    // Not the patient one: the time goes with each command, and is not to be old when that arrives.
    const redis = await this.#queues.redis();

    /**
     * One that is held for as long as the transfer runs, whatever becomes of Redis: what is not counted is there all the same. The
     * library would let a failure reject where nobody handles it.
     */
    class Slot extends Semaphore {
      #isReleased = false;

      override async release(): Promise<void> {
        this.#isReleased = true;
        if (!this.isAcquired) await this._release();
        await super.release();
      }

      /** One attempt after the other: what one took whose answer was lost would stand against the next for as long as it lasts. */
      protected override async _acquire(abortSignal?: AbortSignal): Promise<boolean> {
        while (!(await super._acquire(abortSignal))) await this._release();
        return true;
      }

      protected override async _refresh(): Promise<boolean> {
        try {
          if ((await super._refresh()) || this.#isReleased) return true;
          await redis.zadd(this._key, Date.now(), this._identifier);
          logger.warn({ vcenter, host }, 'a transfer was not counted any more; it is again');
        } catch (error) {
          logger.warn({ err: error, vcenter, host }, 'a transfer slot could not be renewed; it is tried again');
        }
        return true;
      }
    }

    return new Slot(redis, this.#queues.key('slots', vcenter, host), transfersPerHost, {
      lockTimeout: Math.max(2 * lockMs, this.#leaseMs),
      refreshInterval: Math.floor(lockMs / 4),
      acquireTimeout: Infinity,
      acquireAttemptsLimit: 1,
      retryInterval: askAgainMs,
    });
  }

  async #release(host: string, semaphore: Semaphore): Promise<void> {
    try {
      await semaphore.release();
    } catch (error) {
      const { logger } = this.#queues.options;
      logger.warn(
        { err: error, vcenter: this.#vcenter, host },
        'a transfer slot ends by itself: Redis took no end of it',
      );
    }
  }
}
