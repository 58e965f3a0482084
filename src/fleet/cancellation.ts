import type { Cancellation } from './fleet.js';
import { jobDataSchema } from './job-data.js';
import { formatJobId, type JobAddress } from './job-id.js';
import type { Queues } from './queues.js';

/** Where workers hear which job is cancelled. */
export function cancellationChannel(queues: Queues): string {
  return queues.key('cancelled');
}

/**
 * Cancels a job: it is marked, so that whoever takes it up later does not begin; it is removed if nobody has; else whoever runs it
 * is told.
 */
export async function cancelJob(queues: Queues, address: JobAddress): Promise<Cancellation> {
  const job = await queues.find(address);
  if (job === undefined) {
    const queue = await queues.queue(address.vcenter);
    return (await queue.removeJobScheduler(address.queueId)) ? 'removed' : 'unknown';
  }
  const state = await job.getState();
  if (state === 'completed' || state === 'failed') return 'ended';
  await job.updateData({ ...jobDataSchema.parse(job.data), cancelled: true });
  if (state !== 'active' && (await removed(job))) return 'removed';
  await (await queues.redis()).publish(cancellationChannel(queues), formatJobId(address));
  return 'told';
}

/** A job that somebody has begun meanwhile, and a schedule's next run, are not removed. */
async function removed(job: { remove(): Promise<void> }): Promise<boolean> {
  try {
    await job.remove();
    return true;
  } catch (error) {
    if (error instanceof Error && /locked|scheduler/i.test(error.message)) return false;
    throw error;
  }
}
