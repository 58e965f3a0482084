import * as z from 'zod';
import { VmdkDriverError } from '../index.js';

/** Why a job failed: what `toJSON()` of its error says. */
export interface JobError {
  readonly name: string;
  /** An `ErrorCode`; `FAILED` where the error was none of this library's, `STALLED` where its workers died again and again. */
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly [field: string]: unknown;
}

const jobErrorSchema: z.ZodType<JobError> = z.looseObject({
  name: z.string(),
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
  retryAfterMs: z.number().optional(),
});

/** What a job failed with whose workers died again and again. */
export class StalledError extends Error {
  constructor(times: number) {
    super(`the workers of this job died ${times} times`);
    this.name = 'StalledError';
  }
}

/** An error as it goes to Redis. */
export function toJobError(error: unknown): JobError {
  if (error instanceof VmdkDriverError) {
    const { name, code, message, retryable } = error;
    return { ...error.toJSON(), name, code, message, retryable };
  }
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const code = error instanceof StalledError ? 'STALLED' : 'FAILED';
  return { name, code, message, retryable: false };
}

/** What BullMQ keeps of why a job failed: the error's JSON, or a line of BullMQ's own. */
export function parseJobError(failedReason: string): JobError {
  try {
    return jobErrorSchema.parse(JSON.parse(failedReason));
  } catch {
    return { name: 'Error', code: 'FAILED', message: failedReason, retryable: false };
  }
}
