import type { Semaphore } from 'redis-semaphore';
import type { TransferSlots } from '../index.js';
import { loadSemaphore } from './peers.js';
import type { Queues } from './queues.js';

/** How often Redis is asked again for a slot, in milliseconds: a transfer takes minutes. */
const askAgainMs = 500;

/**
 * Transfers of all workers with each ESXi host of a vCenter, counted together in Redis by `redis-semaphore`. The slot of a worker that
 * died is free again two `lockMs` later.
 */
export class HostSlots implements TransferSlots {
  readonly #queues: Queues;
  readonly #vcenter: string;
  readonly #releasing = new Set<Promise<void>>();

  constructor(queues: Queues, vcenter: string) {
    this.#queues = queues;
    this.#vcenter = vcenter;
  }

  async take(host: string, { signal }: { readonly signal: AbortSignal }): Promise<Disposable> {
    const semaphore = await this.#semaphore(host);
    await semaphore.acquire(signal);
    return {
      [Symbol.dispose]: () => {
        const releasing = this.#release(host, semaphore).finally(() => this.#releasing.delete(releasing));
        this.#releasing.add(releasing);
      },
    };
  }

  /** Waits until all that was given back is free for others. */
  async settled(): Promise<void> {
    await Promise.all(this.#releasing);
  }

  async #semaphore(host: string): Promise<Semaphore> {
    const { Semaphore } = await loadSemaphore();
    const { transfersPerHost, lockMs, logger } = this.#queues.options;
    const vcenter = this.#vcenter;

    /** One that takes no failure of Redis for the loss of the slot; the library would let it reject where nobody handles it. */
    class Slot extends Semaphore {
      protected override async _refresh(): Promise<boolean> {
        try {
          return await super._refresh();
        } catch (error) {
          logger.warn({ err: error, vcenter, host }, 'a transfer slot could not be renewed; it is tried again');
          return true;
        }
      }
    }

    return new Slot(await this.#queues.patientRedis(), this.#queues.key('slots', vcenter, host), transfersPerHost, {
      lockTimeout: 2 * lockMs,
      refreshInterval: Math.floor(lockMs / 4),
      acquireTimeout: Infinity,
      retryInterval: askAgainMs,
      onLockLost: () => {
        logger.warn({ vcenter, host }, 'a transfer slot was lost, as this worker did not run or Redis forgot it');
      },
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
