import * as z from 'zod';
import { callbackSchema, signalSchema } from '../live-input.js';
import type { Progress } from './progress.js';

/** Options of every operation. */
export interface OperationOptions {
  /** Cancels the operation: the lease is aborted, temporary VM and file are removed, and it rejects with `AbortError`. */
  readonly signal?: AbortSignal | undefined;
  /** Called at each phase, as bytes move, and at least every 5 s. What it throws or rejects with costs nothing. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** What is accepted for {@link OperationOptions}; an option that is not known is refused, since it would do nothing in silence. */
export const operationOptionsSchema = z.strictObject({
  signal: signalSchema.optional(),
  onProgress: callbackSchema<(progress: Progress) => void>().optional(),
});
