import { setImmediate } from 'node:timers';

/** How much of one turn of the event loop this library's own work may take, in milliseconds. */
const turnBudgetMs = 5;

/**
 * Spreads work that cannot leave the main thread over its turns. Whatever the number of those who have work to do, together
 * they take no more of one turn than the budget, and one piece of work more.
 */
class MainThread {
  readonly #waiting: (() => void)[] = [];
  #spentMs = 0;
  #isTurnWatched = false;

  /**
   * Does a short piece of work: at once where this turn has time left and nobody else waits, else in a later turn. The
   * pieces are done in the order they come in.
   *
   * @param work takes the thread for a few milliseconds at most
   */
  run<T>(work: () => T | PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const piece = (): void => {
        try {
          resolve(work());
        } catch (error) {
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as the work threw it
          reject(error);
        }
      };
      if (this.#waiting.length === 0 && this.#spentMs < turnBudgetMs) this.#do(piece);
      else this.#waiting.push(piece);
    });
  }

  /** Runs a generator to its end, a few milliseconds at a time. */
  async runAll<T>(steps: Generator<void, T, void>): Promise<T> {
    for (;;) {
      const result = await this.run(() => {
        const begunAt = performance.now();
        let step = steps.next();
        while (step.done !== true && performance.now() - begunAt < turnBudgetMs / 4) step = steps.next();
        return step;
      });
      if (result.done === true) return result.value;
    }
  }

  #do(piece: () => void): void {
    const begunAt = performance.now();
    piece();
    this.#spentMs += performance.now() - begunAt;
    if (this.#isTurnWatched) return;
    this.#isTurnWatched = true;
    setImmediate(() => {
      this.#isTurnWatched = false;
      this.#spentMs = 0;
      while (this.#spentMs < turnBudgetMs) {
        const next = this.#waiting.shift();
        if (next === undefined) return;
        this.#do(next);
      }
    });
  }
}

/** This process's main thread, or the worker's that loaded this. */
export const mainThread = new MainThread();
