import type { Logger } from '../index.js';

/** How often it is looked whether the event loop turns, in milliseconds. */
const everyMs = 500;

/**
 * Notices that the event loop was held: a worker that is held for `lockMs` is dead to the others. It is said from an eighth of that
 * on, long before.
 */
export class LoopWatch implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #lastAt = performance.now();
  #longestMs = 0;

  constructor(lockMs: number, logger: Logger) {
    this.#timer = setInterval(() => {
      const now = performance.now();
      const heldMs = Math.max(0, now - this.#lastAt - everyMs);
      this.#lastAt = now;
      this.#longestMs = Math.max(this.#longestMs, heldMs);
      if (heldMs < lockMs / 8) return;
      const fields = { heldMs: Math.round(heldMs), lockMs };
      if (heldMs < lockMs)
        logger.warn(fields, 'the event loop was held; held for two thirds of lockMs, this worker stops its jobs');
      else logger.error(fields, 'the event loop was held for so long that others may have taken the jobs up');
    }, everyMs);
  }

  /** The longest that it was held since this was last asked, in milliseconds. */
  takeLongestMs(): number {
    const longest = this.#longestMs;
    this.#longestMs = 0;
    return longest;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
