import { setImmediate } from 'node:timers/promises';

/** How long work that never waits for anything outside goes on in one turn, in milliseconds. */
const turnMs = 10;

/**
 * Gives everybody else a turn now and then. Awaiting what is there already does not: a source or sink in memory would
 * keep the process from its sockets, timers and signals until all is done.
 */
export class EventLoopTurns {
  #since = performance.now();

  /** Call between two pieces of work. */
  async pause(): Promise<void> {
    if (performance.now() - this.#since < turnMs) return;
    await setImmediate();
    this.#since = performance.now();
  }
}
