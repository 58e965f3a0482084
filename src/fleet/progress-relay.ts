import type { Job } from 'bullmq';
import type { Logger, Progress } from '../index.js';

/** Redis is told no more often than so, in milliseconds. */
const pauseMs = 1_000;

/** Tells Redis how far a job is, until it is disposed of; of one that takes no time nothing. */
export class ProgressRelay implements Disposable {
  readonly #job: Pick<Job, 'updateProgress' | 'id'>;
  readonly #logger: Logger;
  #latest: Progress | undefined;
  /** Until Redis has been told what was the latest. */
  #telling: NodeJS.Timeout | undefined;

  constructor(job: Pick<Job, 'updateProgress' | 'id'>, logger: Logger) {
    this.#job = job;
    this.#logger = logger;
  }

  readonly tell = (progress: Progress): void => {
    this.#latest = progress;
    this.#telling ??= setTimeout(() => void this.#send(), pauseMs);
  };

  [Symbol.dispose](): void {
    clearTimeout(this.#telling);
  }

  async #send(): Promise<void> {
    try {
      // A copy: BullMQ takes a plain object.
      await this.#job.updateProgress({ ...this.#latest });
    } catch (error) {
      this.#logger.debug({ err: error, job: this.#job.id }, 'progress was not told');
    } finally {
      this.#telling = undefined;
    }
  }
}
