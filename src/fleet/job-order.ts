import * as z from 'zod';
import { InvalidInputError } from '../index.js';
import { type JobRequest, requestSchema } from './job-request.js';
import { parse } from './parse.js';

/** When a job runs again and again. */
export interface Cron {
  /** Five fields, or six with seconds first, as cron has them: `0 2 * * *` is each night at two. */
  readonly pattern: string;
  /** The zone the pattern is in, such as `Europe/Berlin`. Default UTC. */
  readonly timezone?: string | undefined;
}

/** When a job is done, and which other one it is the same as. */
export interface Scheduling {
  /**
   * Two jobs of one kind at one vCenter that have the same are one, for as long as Redis remembers the first
   * (`keepDays`). Default: the backup's and the volume's ids; of `recover` and `retention`, which have none, a new one each time.
   */
  readonly requestId?: string | undefined;
  /** From 1, which goes first, to 2,097,151. Default: before all that have one. */
  readonly priority?: number | undefined;
  /** How long it waits before it may begin, in milliseconds. Default 0. */
  readonly delayMs?: number | undefined;
  /**
   * Runs it by the clock; the id is then the schedule's, and a second call replaces the first; a run that is due stays. Where the call rejects
   * there may be no schedule any more: repeat it.
   */
  readonly cron?: Cron | undefined;
}

/** What `fleet.enqueue` is given: what to do, and when. */
export type JobOrder = JobRequest & Scheduling;

/** The last priority that BullMQ has. */
const lastPriority = 2 ** 21 - 1;

const schedulingSchema = z.strictObject({
  requestId: z.string().min(1).max(1024).optional(),
  priority: z.int().min(1).max(lastPriority).optional(),
  delayMs: z.int().nonnegative().optional(),
  cron: z.strictObject({ pattern: z.string().min(1), timezone: z.string().min(1).optional() }).optional(),
});

/** @throws InvalidInputError that names the field */
export function parseOrder(order: JobOrder): { readonly request: JobRequest; readonly scheduling: Scheduling } {
  const { requestId, priority, delayMs, cron, ...rest } = parse('order', z.looseObject({}), order);
  const request = parse('order', requestSchema, rest);
  const scheduling = parse('order', schedulingSchema, { requestId, priority, delayMs, cron });
  if (request.kind === 'backup' && request.backup === undefined && scheduling.cron === undefined) {
    throw new InvalidInputError('order.backup', 'is missing; only a scheduled job makes its own');
  }
  if (request.kind === 'backup' && request.backup !== undefined && scheduling.cron !== undefined) {
    throw new InvalidInputError('order.backup', 'would be replaced by each run: a scheduled job makes its own');
  }
  if (scheduling.cron !== undefined && scheduling.delayMs !== undefined) {
    throw new InvalidInputError('order.delayMs', 'has no meaning beside cron');
  }
  return { request, scheduling };
}
