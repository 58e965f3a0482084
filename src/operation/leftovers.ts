import { VmdkDriverError } from '../errors/index.js';

/**
 * Notes what an operation could not remove. Who is to remove it often does so when the result or error is there already, or while an error
 * passes that is typed only later: what it ends with says so in the end.
 */
export class Leftovers {
  #any = false;
  #retryAfterMs: number | undefined;

  /** Whether something may be left. */
  get any(): boolean {
    return this.#any;
  }

  /**
   * Notes that something may be left.
   *
   * @param retryAfterMs how long it may hold the volume, in milliseconds, where that is known
   */
  note(retryAfterMs?: number): void {
    this.#any = true;
    if (retryAfterMs !== undefined) this.#retryAfterMs = Math.max(retryAfterMs, this.#retryAfterMs ?? 0);
  }

  /** Has the error that an operation fails with say what may be left. */
  tellBy(error: unknown): void {
    if (!this.#any || !(error instanceof VmdkDriverError)) return;
    error.cleanup = 'pending';
    if (this.#retryAfterMs !== undefined) error.retryAfterMs = Math.max(this.#retryAfterMs, error.retryAfterMs ?? 0);
  }
}
