import type { Job, JobType } from 'bullmq';
import * as z from 'zod';
import type { JobFilter } from './fleet.js';
import { describeJob, type FleetJob, type JobState } from './fleet-job.js';
import { vcenterSchema } from './job-request.js';
import { parse } from './parse.js';
import type { Queues } from './queues.js';
import { onRedis } from './redis-failure.js';

/** What BullMQ calls each state; the order is that in which they are listed. */
const lists: Readonly<Record<JobState, readonly JobType[]>> = {
  running: ['active'],
  waiting: ['prioritized', 'waiting'],
  delayed: ['delayed'],
  failed: ['failed'],
  cancelled: ['failed'],
  done: ['completed'],
};

/** Jobs that are read at a time. */
const pageLength = 100;

const filterSchema = z.strictObject({
  vcenter: vcenterSchema.optional(),
  states: z
    .array(z.enum(['waiting', 'delayed', 'running', 'done', 'failed', 'cancelled']))
    .readonly()
    .optional(),
});

/** The jobs there are: those that run first, those that are done last. One that moves meanwhile may be seen twice, or not. */
export async function* listJobs(queues: Queues, filter: JobFilter): AsyncGenerator<FleetJob, void, undefined> {
  const { vcenter, states } = parse('filter', filterSchema, filter);
  const wanted = Object.entries(lists).flatMap(([state, types]) =>
    states === undefined || states.some((one) => one === state) ? types : [],
  );
  const vcenters = vcenter === undefined ? await onRedis(() => queues.vcenters()) : [vcenter];
  for (const name of vcenters) {
    for (const type of new Set(wanted)) {
      for await (const job of listOne(queues, name, type)) {
        if (states === undefined || states.includes(job.state)) yield job;
      }
    }
  }
}

async function* listOne(queues: Queues, vcenter: string, type: JobType): AsyncGenerator<FleetJob, void, undefined> {
  const queue = await onRedis(() => queues.queue(vcenter));
  for (let start = 0; ; start += pageLength) {
    const page = await onRedis(() => queue.getJobs(type, start, start + pageLength - 1));
    for (const job of page) {
      const described = tryToDescribe(queues, vcenter, job, type);
      if (described !== undefined) yield described;
    }
    if (page.length < pageLength) return;
  }
}

/** One that cannot be read, of a later version say, does not hide the others. */
function tryToDescribe(queues: Queues, vcenter: string, job: Job, type: JobType): FleetJob | undefined {
  try {
    return describeJob(vcenter, job, type);
  } catch (error) {
    queues.options.logger.warn({ err: error, vcenter, job: job.id }, 'a job in Redis cannot be read');
    return undefined;
  }
}
