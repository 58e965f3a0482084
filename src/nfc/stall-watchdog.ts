import { TransferStalledError } from '../errors/index.js';

/** Ends a transfer whose bytes stopped moving. There is no limit on how long one takes altogether. */
export class StallWatchdog implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  /** @param stallTimeoutMs how long no byte may move, in milliseconds */
  constructor(stallTimeoutMs: number) {
    this.#timer = setTimeout(() => {
      this.#controller.abort(new TransferStalledError(stallTimeoutMs));
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
