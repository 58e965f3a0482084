import { inspect } from 'node:util';

/** A job on its way to a worker of a `WorkerPool`. */
export interface JobMessage<Job> {
  readonly id: number;
  readonly job: Job;
}

/** What a worker answers. */
export interface ReplyMessage {
  readonly id: number;
  readonly result?: unknown;
  /** What went wrong with the test itself. */
  readonly error?: string;
}

/** Has this process do the jobs that a `WorkerPool` sends it. */
export function answerJobs(run: (job: never) => Promise<unknown>): void {
  const reply = (message: ReplyMessage): void => {
    process.send?.(message);
  };
  process.on('message', ({ id, job }: JobMessage<never>) => {
    run(job).then(
      (result) => {
        reply({ id, result });
      },
      (error: unknown) => {
        reply({ id, error: inspect(error) });
      },
    );
  });
}
