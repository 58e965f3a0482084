import { quietly } from '../quietly.js';
import type { VmdkProgress } from './codec-options.js';

/** Calls a progress listener often enough to be looked at, and not for every chunk. What the listener throws is its own. */
export class ProgressMeter {
  readonly #listener: ((progress: VmdkProgress) => void) | undefined;
  #last = 0;

  constructor(listener: ((progress: VmdkProgress) => void) | undefined) {
    this.#listener = quietly(listener);
  }

  /** Reports if the last report is some time ago. */
  report(progress: () => VmdkProgress): void {
    if (this.#listener === undefined) return;
    const now = performance.now();
    if (now - this.#last < 200) return;
    this.#last = now;
    this.#listener(progress());
  }

  /** Reports the end. */
  end(progress: VmdkProgress): void {
    this.#listener?.(progress);
  }
}
