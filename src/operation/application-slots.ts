import { AbortError, throwIfAborted, TransferError } from '../errors/index.js';
import { reasonOf } from '../errors/reason-of.js';
import type { Logger } from '../logger.js';
import { ownError } from './own-error.js';
import type { TransferSlots } from './transfer-slots.js';

/**
 * The application's transfer slots, made safe: whoever is aborted does not wait for them, a slot that comes too late is
 * given back, and one that cannot be given back costs no backup.
 */
export class ApplicationSlots implements TransferSlots {
  readonly #slots: TransferSlots;
  readonly #logger: Logger;

  constructor(slots: TransferSlots, logger: Logger) {
    this.#slots = slots;
    this.#logger = logger;
  }

  /** @throws AbortError, TransferError */
  async take(host: string, { signal }: { readonly signal: AbortSignal }): Promise<Disposable> {
    throwIfAborted(signal);
    const slot = await new Promise<unknown>((resolve, reject) => {
      const giveUp = (): void => {
        reject(new AbortError(signal));
      };
      signal.addEventListener('abort', giveUp, { once: true });
      void this.#ask(host, signal)
        .then((given) => {
          if (signal.aborted) this.#giveBack(host, given);
          resolve(given);
        }, reject)
        .finally(() => {
          signal.removeEventListener('abort', giveUp);
        });
    }).catch((error: unknown) => {
      if (signal.aborted) throw new AbortError(signal);
      const reason = `config.transferSlots gave no slot for host ${host}: ${reasonOf(error)}`;
      throw ownError(error, signal) ?? new TransferError(reason, { cause: error });
    });
    return {
      [Symbol.dispose]: () => {
        this.#giveBack(host, slot);
      },
    };
  }

  async #ask(host: string, signal: AbortSignal): Promise<unknown> {
    return this.#slots.take(host, { signal });
  }

  #giveBack(host: string, slot: unknown): void {
    const fail = (error: unknown): void => {
      this.#logger.warn({ host, err: error }, 'a transfer slot of config.transferSlots could not be given back');
    };
    try {
      // The application may have made it asynchronous.
      Promise.resolve((slot as { [Symbol.dispose](): unknown })[Symbol.dispose]()).catch(fail);
    } catch (error) {
      fail(error);
    }
  }
}
