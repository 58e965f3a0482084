import { TransferStalledError } from '../errors/index.js';

/** Ends a transfer whose bytes stopped moving. There is no limit on how long one takes altogether. */
export class StallWatchdog implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  /**
   * @param stallTimeoutMs how long no byte may move, in milliseconds
   * @param isExcused whether it is not the peer that is waited for; asked when the time is up, which then begins anew
   * @param advice what an operator should know of such a stall
   */
  constructor(stallTimeoutMs: number, isExcused: () => boolean = () => false, advice?: string) {
    this.#timer = setTimeout(() => {
      if (isExcused()) this.#timer.refresh();
      else this.#controller.abort(new TransferStalledError(stallTimeoutMs, { advice }));
    }, stallTimeoutMs);
  }

  /** Aborted, with a `TransferStalledError`, once nothing moved for too long. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Says that bytes moved. */
  touch(): void {
    this.#timer.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
