import { StoreError } from '../../errors/index.js';

/** How long no byte may move where nobody says otherwise, in milliseconds. */
export const defaultStallTimeoutMs = 120_000;

/** Ends an exchange in which no byte moved for too long. It runs while it is the peer who is waited for. */
export class StallTimer {
  readonly #timeoutMs: number;
  readonly #end: (error: StoreError) => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param end is given the error, once, unless the timer is stopped before */
  constructor(timeoutMs: number, end: (error: StoreError) => void) {
    this.#timeoutMs = timeoutMs;
    this.#end = end;
  }

  /** The peer is waited for from now on. */
  start(): void {
    if (this.#timer !== undefined) {
      this.#timer.refresh();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#end(new StoreError('stalled', `no byte moved for ${this.#timeoutMs} ms`));
    }, this.#timeoutMs);
  }

  /** The peer is not waited for any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
