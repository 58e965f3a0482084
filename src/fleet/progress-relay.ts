import type { Job } from 'bullmq';
import type { Logger, Progress } from '../index.js';

/** Redis is told no more often than so, in milliseconds, but for a new phase. */
const pauseMs = 1_000;

/** Tells Redis how far a job is. */
export class ProgressRelay {
  readonly #job: Pick<Job, 'updateProgress' | 'id'>;
  readonly #logger: Logger;
  #isTelling = false;
  #toldAt = -Infinity;
  #toldPhase = '';

  constructor(job: Pick<Job, 'updateProgress' | 'id'>, logger: Logger) {
    this.#job = job;
    this.#logger = logger;
  }

  readonly tell = (progress: Progress): void => {
    const now = performance.now();
    if (this.#isTelling || (progress.phase === this.#toldPhase && now - this.#toldAt < pauseMs)) return;
    this.#isTelling = true;
    this.#toldAt = now;
    this.#toldPhase = progress.phase;
    // A copy: BullMQ takes a plain object.
    void this.#job
      .updateProgress({ ...progress })
      .catch((error: unknown) => {
        this.#logger.debug({ err: error, job: this.#job.id }, 'progress was not told');
      })
      .finally(() => {
        this.#isTelling = false;
      });
  };
}
