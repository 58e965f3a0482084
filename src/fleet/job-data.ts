import * as z from 'zod';
import { requestSchema } from './job-request.js';

/** What lies in Redis of a job, besides what BullMQ keeps. */
export const jobDataSchema = z.object({
  version: z.literal(1),
  request: requestSchema,
  /** Set by `cancel`: also a worker that is not there yet is told. */
  cancelled: z.literal(true).optional(),
});

export type JobData = z.infer<typeof jobDataSchema>;
