import type { VmdkProgress } from './codec-options.js';

/** Calls a progress listener often enough to be looked at, and not for every chunk. What the listener throws is its own. */
export class ProgressMeter {
  #last = 0;

  constructor(readonly listener: ((progress: VmdkProgress) => void) | undefined) {}

  /** Reports if the last report is some time ago. */
  report(progress: () => VmdkProgress): void {
    if (this.listener === undefined) return;
    const now = performance.now();
    if (now - this.#last < 200) return;
    this.#last = now;
    this.end(progress());
  }

  /** Reports the end. */
  end(progress: VmdkProgress): void {
    // Called at once; that it throws or rejects is caught alike.
    const tell = async (): Promise<void> => {
      const answer: unknown = this.listener?.(progress);
      await answer;
    };
    tell().catch(() => undefined);
  }
}
