import { AbortError, throwIfAborted } from '../errors/index.js';

/** Lets so many of something be under way at a time, in the order in which they came. */
export class Places {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param count how many at a time */
  constructor(count: number) {
    this.#free = count;
  }

  /**
   * Waits for a place. Disposing of what it resolves to gives it to the next.
   *
   * @throws AbortError
   */
  async take(signal: AbortSignal | undefined): Promise<Disposable> {
    throwIfAborted(signal);
    if (this.#free > 0) this.#free -= 1;
    else await this.#queue(signal);
    let isGiven = false;
    return {
      [Symbol.dispose]: () => {
        if (!isGiven) this.#give();
        isGiven = true;
      },
    };
  }

  #queue(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(new AbortError({ reason: signal?.reason as unknown }));
      };
      this.#waiting.push(enter);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  #give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
