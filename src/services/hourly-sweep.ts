import { throwIfAborted } from '../errors/index.js';

/** How often a service sweeps by itself, in milliseconds. */
const intervalMs = 60 * 60 * 1000;

/** A service's sweep as it runs by itself: before a backup is stored, at most once an hour. What it cannot remove stays for the next time. */
export class HourlySweep {
  readonly #sweep: (signal: AbortSignal | undefined) => Promise<unknown>;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(sweep: (signal: AbortSignal | undefined) => Promise<unknown>) {
    this.#sweep = sweep;
  }

  /** Never fails but by the signal. */
  async run(signal: AbortSignal | undefined): Promise<void> {
    if (performance.now() - this.#sweptAt <= intervalMs) return;
    this.#sweptAt = performance.now();
    await this.#sweep(signal).catch(() => undefined);
    throwIfAborted(signal);
  }
}
