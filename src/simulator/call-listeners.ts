import type { CallRecord } from './call-log.js';

/**
 * The points of a call at which listeners are called:
 *
 * - `before`: it arrived and had no effect yet
 * - `after`: it had its effect and was not answered yet. A task it started may still run
 * - `task-done`: the task it started had its effect and is not yet said to have ended
 */
export type CallPhase = 'before' | 'after' | 'task-done';

/** A moment of a call. */
export interface CallEvent {
  readonly phase: CallPhase;
  readonly call: CallRecord;
}

/** Called at each point of each call, which goes on when the returned promise is fulfilled. */
export type CallListener = (event: CallEvent) => void | Promise<void>;

/** Who wants to know of calls. */
export class CallListeners {
  readonly #listeners = new Set<CallListener>();

  add(listener: CallListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async notify(phase: CallPhase, call: CallRecord): Promise<void> {
    for (const listener of [...this.#listeners]) await listener({ phase, call });
  }
}
