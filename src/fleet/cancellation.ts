import type { Job } from 'bullmq';
import type { Cancellation } from './fleet.js';
import { jobDataSchema } from './job-data.js';
import { formatJobId, type JobAddress } from './job-id.js';
import type { Queues } from './queues.js';
import { runsOf } from './schedule.js';

/** Where workers hear which job is cancelled. */
export function cancellationChannel(queues: Queues): string {
  return queues.key('cancelled');
}

/** Cancels a job, or a schedule. */
export async function cancelJob(queues: Queues, address: JobAddress): Promise<Cancellation> {
  const job = await queues.find(address);
  return job === undefined ? cancelSchedule(queues, address) : cancelFound(queues, address, job);
}

/**
 * It is marked, so that whoever takes it up later does not begin; whoever runs it is told, also where it seems to wait, as its worker may
 * not know yet that it was taken from him; it is removed if nobody runs it then.
 */
async function cancelFound(queues: Queues, address: JobAddress, job: Job): Promise<Cancellation> {
  if (hasEnded(await job.getState())) return 'ended';
  await job.updateData({ ...jobDataSchema.parse(job.data), cancelled: true });
  await (await queues.redis()).publish(cancellationChannel(queues), formatJobId(address));
  // Not before: one that was running then may have been given up for now, and have missed it.
  const state = await job.getState();
  // What has failed since may have done so because it was told.
  if (state === 'completed') return 'ended';
  const isIdle = state !== 'active' && state !== 'failed';
  return isIdle && (await removed(job)) ? 'removed' : 'told';
}

/** The schedule first, so that it makes no other run; then each run that it has made, also where only that was left to be done. */
async function cancelSchedule(queues: Queues, { vcenter, queueId }: JobAddress): Promise<Cancellation> {
  const queue = await queues.queue(vcenter);
  const wasThere = (await queue.getJobScheduler(queueId)) !== undefined;
  await queue.removeJobScheduler(queueId);
  const became = new Set<Cancellation>();
  for (const id of await runsOf(queue, queueId)) {
    const run = await queue.getJob(id);
    if (run !== undefined) became.add(await cancelFound(queues, { vcenter, queueId: id }, run));
  }
  if (became.has('told')) return 'told';
  return wasThere || became.has('removed') ? 'removed' : 'unknown';
}

function hasEnded(state: string): boolean {
  return state === 'completed' || state === 'failed';
}

/** A job that somebody has begun meanwhile, and a schedule's next run, are not removed. */
async function removed(job: Job): Promise<boolean> {
  try {
    await job.remove();
    return true;
  } catch (error) {
    if (error instanceof Error && /locked|scheduler/i.test(error.message)) return false;
    throw error;
  }
}
