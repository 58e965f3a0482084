import * as z from 'zod';
import type { Logger } from '../index.js';
import type { FleetOptions } from './fleet.js';
import { fleetLogger } from './fleet-logger.js';
import { vcenterSchema } from './job-request.js';
import { parse } from './parse.js';
import { connectionSchema } from './redis-connection.js';

/** The longest that a timer runs, in milliseconds. */
export const longestTimerMs = 2 ** 31 - 1;

const optionsSchema = z.strictObject({
  connection: connectionSchema,
  name: vcenterSchema.default('vmdk-driver'),
  jobsPerVcenter: z.int().positive().default(8),
  transfersPerHost: z.int().positive().default(2),
  attempts: z.int().positive().default(20),
  retryDelayMs: z.int().positive().default(5_000),
  lockMs: z.int().min(5_000).max(longestTimerMs).default(60_000),
  keepDays: z.number().positive().default(14),
  logger: z
    .custom<Partial<Logger>>((value) => typeof value === 'object' && value !== null, 'must be a logger')
    .optional()
    .transform(fleetLogger),
});

/** The options with their defaults filled in. */
export type ResolvedFleetOptions = z.infer<typeof optionsSchema>;

/** @throws InvalidInputError that names the field */
export function parseFleetOptions(options: FleetOptions): ResolvedFleetOptions {
  return parse('options', optionsSchema as z.ZodType<ResolvedFleetOptions>, options);
}
