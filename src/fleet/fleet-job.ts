import type { Job } from 'bullmq';
import * as z from 'zod';
import type { Progress } from '../index.js';
import { jobDataSchema } from './job-data.js';
import { type JobError, parseJobError } from './job-error.js';
import { formatJobId } from './job-id.js';
import type { JobKind, JobRequest } from './job-request.js';
import { type JobResult, parseJobResult } from './job-result.js';

/**
 * Where a job is. `delayed`: for a while, by its order or before another try; `failed`: for good, a dead letter that
 * `retry` takes up again.
 */
export type JobState = 'waiting' | 'delayed' | 'running' | 'done' | 'failed' | 'cancelled';

/** A job as it was when it was looked at. */
export interface FleetJob {
  readonly id: string;
  readonly vcenter: string;
  readonly kind: JobKind;
  readonly request: JobRequest;
  readonly state: JobState;
  /** How often it was begun and ended in an error. */
  readonly attempts: number;
  /** ISO 8601, by the clock of whoever did it. */
  readonly enqueuedAt: string;
  readonly startedAt?: string | undefined;
  readonly endedAt?: string | undefined;
  /** Whether it was cancelled and whoever runs it has not stopped yet. */
  readonly cancelling?: boolean | undefined;
  /** How far the operation was when it was last said. */
  readonly progress?: JobProgress | undefined;
  /** Of a job that is `done`: the manifest, the result or the report. */
  readonly result?: JobResult | undefined;
  /** Of a job that has failed; also of one that waits for another try. */
  readonly error?: JobError | undefined;
}

/** How far a job is. */
export type JobProgress = Pick<Progress, 'bytesDone' | 'bytesTotal' | 'streamBytes'> & {
  readonly operation: string;
  readonly phase: string;
};

/** Whether a job has come to its end. */
export function hasEnded({ state }: FleetJob): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled';
}

const progressSchema = z.object({
  operation: z.string(),
  phase: z.string(),
  bytesDone: z.number(),
  bytesTotal: z.number().optional(),
  streamBytes: z.number(),
});

/** What is read of BullMQ's job; all of it comes out of Redis. */
const storedSchema = z.object({
  id: z.string(),
  data: jobDataSchema,
  timestamp: z.number(),
  processedOn: z.number().nullish(),
  finishedOn: z.number().nullish(),
  attemptsMade: z.int(),
  failedReason: z.string().nullish(),
  progress: z.unknown(),
  returnvalue: z.unknown(),
});

/** The job that BullMQ keeps, in this package's words. */
export function describeJob(vcenter: string, job: Job, bullState: string): FleetJob {
  const stored = storedSchema.parse(job);
  const { request } = stored.data;
  const lastError = stored.failedReason ? parseJobError(stored.failedReason) : undefined;
  const state = stateOf(bullState, lastError);
  const error = state === 'done' ? undefined : lastError;
  const progress = progressSchema.safeParse(stored.progress);
  return {
    id: formatJobId({ vcenter, queueId: stored.id }),
    vcenter,
    kind: request.kind,
    request,
    state,
    attempts: stored.attemptsMade,
    enqueuedAt: iso(stored.timestamp),
    ...(typeof stored.processedOn === 'number' && { startedAt: iso(stored.processedOn) }),
    ...(typeof stored.finishedOn === 'number' && { endedAt: iso(stored.finishedOn) }),
    ...(state === 'running' && stored.data.cancelled === true && { cancelling: true }),
    ...(progress.success && { progress: progress.data }),
    ...(state === 'done' && { result: parseJobResult(request.kind, stored.returnvalue) }),
    ...(error && { error }),
  };
}

function stateOf(bullState: string, error: JobError | undefined): JobState {
  switch (bullState) {
    case 'active':
      return 'running';
    case 'completed':
      return 'done';
    case 'failed':
      return error?.code === 'ABORTED' ? 'cancelled' : 'failed';
    case 'delayed':
      return 'delayed';
    default:
      return 'waiting';
  }
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
