const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * A signal that follows the first within so many milliseconds is the same Ctrl-C: the terminal sends it to npx as well, which hands
 * it on.
 */
const echoMs = 300;

/** Turns Ctrl-C into a cancellation, and a second one into an end at once. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #onFirst: () => void;
  #firstAt = 0;

  /** @param onFirst told of the first one */
  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
    for (const name of signals) process.on(name, this.#take);
  }

  /** Aborted by the first one. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const name of signals) process.off(name, this.#take);
  }

  readonly #take = (name: NodeJS.Signals): void => {
    if (!this.signal.aborted) {
      this.#firstAt = performance.now();
      this.#controller.abort(new Error(name));
      this.#onFirst();
    } else if (performance.now() - this.#firstAt > echoMs) {
      // As if nobody had listened: nothing more of this process runs.
      this[Symbol.dispose]();
      process.kill(process.pid, name);
    }
  };
}
