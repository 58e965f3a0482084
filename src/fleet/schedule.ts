import { isDeepStrictEqual } from 'node:util';
import type { JobSchedulerJson, JobsOptions, Queue } from 'bullmq';
import { InvalidInputError } from '../index.js';
import { type JobData, jobDataSchema } from './job-data.js';
import { isRunOf, type JobAddress, runId } from './job-id.js';
import type { Cron } from './job-order.js';
import type { Queues } from './queues.js';

/** What is done by the clock, and when. */
export interface Schedule {
  readonly cron: Cron;
  readonly data: JobData;
  readonly priority: number | undefined;
}

/** What BullMQ calls the states of a job that has not ended. */
const unended = ['waiting', 'prioritized', 'delayed', 'active'] as const;

/**
 * Has jobs made by the clock. BullMQ makes a schedule's next run when the one before it begins, and a schedule that is set anew replaces
 * its next run, also one that is due and waits behind others: a night without a backup. Such a run stays, and does what is asked for now.
 *
 * @throws InvalidInputError
 */
export async function setSchedule(queues: Queues, { vcenter, queueId }: JobAddress, schedule: Schedule): Promise<void> {
  const { bullmq } = await queues.peers();
  const queue = await queues.queue(vcenter);
  const { cron, data, priority } = schedule;
  const repeat = { pattern: cron.pattern, tz: cron.timezone ?? 'UTC' };
  assertHasNext(() => bullmq.getNextMillis(Date.now(), repeat));
  const opts: JobsOptions = { ...queue.defaultJobOptions, ...(priority !== undefined && { priority }) };
  const known = await queue.getJobScheduler(queueId);
  if (known?.next !== undefined) {
    const next = runId(queueId, known.next);
    const state = await queue.getJobState(next);
    const isUnended = unended.some((one) => one === state);
    if (isUnended && isSame(known, repeat, data, opts)) return;
    if (isUnended && known.next <= Date.now()) await detachRun(queue, queueId, next, data);
  }
  await queue.upsertJobScheduler(queueId, repeat, { name: data.request.kind, data, opts });
}

/** The ids of a schedule's runs that have not ended. */
export async function runsOf(queue: Queue, queueId: string): Promise<string[]> {
  const ids = await queue.getRanges([...unended], 0, -1);
  return ids.filter((id) => isRunOf(id, queueId));
}

/** @throws InvalidInputError where the pattern cannot be read, or there is no such time */
function assertHasNext(next: () => number | undefined): void {
  let found: number | undefined;
  try {
    found = next();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new InvalidInputError('order.cron', message, { cause: error });
  }
  if (found === undefined) throw new InvalidInputError('order.cron', 'is of a time that there never is');
}

function isSame(
  known: JobSchedulerJson,
  { pattern, tz }: { readonly pattern: string; readonly tz: string },
  data: JobData,
  opts: JobsOptions,
): boolean {
  // As Redis has them.
  const asked: unknown = JSON.parse(JSON.stringify({ pattern, tz, template: { data, opts } }));
  return isDeepStrictEqual({ pattern: known.pattern, tz: known.tz, template: known.template }, asked);
}

/** Makes of a schedule's next run a job like any other. What is removed with the schedule is only what is still delayed. */
async function detachRun(queue: Queue, queueId: string, id: string, { request }: JobData): Promise<void> {
  const run = await queue.getJob(id);
  if (run === undefined) return;
  await run.updateData({ ...jobDataSchema.parse(run.data), request });
  if (await run.isDelayed()) {
    try {
      await run.promote();
    } catch (error) {
      // A worker that looks for jobs may have done it meanwhile.
      if (await run.isDelayed()) throw error;
    }
  }
  await queue.removeJobScheduler(queueId);
}
