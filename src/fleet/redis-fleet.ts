import * as z from 'zod';
import type { IsAlive, TransferSlots } from '../index.js';
import { cancelJob } from './cancellation.js';
import type { Cancellation, Fleet, JobCounts, JobFilter } from './fleet.js';
import { describeJob, type FleetJob } from './fleet-job.js';
import type { ResolvedFleetOptions } from './fleet-options.js';
import { Heartbeats } from './heartbeats.js';
import { HostSlots } from './host-slots.js';
import type { JobData } from './job-data.js';
import { JobEvents } from './job-events.js';
import { formatJobId, parseJobId, queueIdOf } from './job-id.js';
import { type JobOrder, parseOrder } from './job-order.js';
import { vcenterSchema } from './job-request.js';
import { type LastBackup, lastBackups } from './last-backups.js';
import { listJobs } from './list-jobs.js';
import { methods } from './methods.js';
import { parse } from './parse.js';
import { Queues } from './queues.js';
import { onRedis } from './redis-failure.js';
import { setSchedule } from './schedule.js';
import type { FleetWorker } from './start-worker.js';
import { watchJob } from './watch-job.js';

const watchSchema = z.strictObject({
  signal: methods<AbortSignal>(['addEventListener', 'removeEventListener'])
    .refine(({ aborted }) => typeof aborted === 'boolean', 'must be an AbortSignal')
    .optional(),
});

/** The fleet on BullMQ and Redis. */
export class RedisFleet implements Fleet {
  readonly queues: Queues;
  readonly heartbeats: Heartbeats;
  /** The worker of this process, while there is one. */
  worker: FleetWorker | undefined;
  readonly #slots = new Map<string, HostSlots>();
  readonly #events = new Map<string, Promise<JobEvents>>();

  constructor(options: ResolvedFleetOptions) {
    this.queues = new Queues(options);
    this.heartbeats = new Heartbeats(this.queues);
  }

  get isAlive(): IsAlive {
    return this.heartbeats.isAlive;
  }

  async enqueue(order: JobOrder): Promise<string> {
    const { request, scheduling } = parseOrder(order);
    const { requestId, priority, delayMs, cron } = scheduling;
    const { vcenter, kind } = request;
    const queueId = queueIdOf(request, requestId, cron !== undefined);
    const data: JobData = { version: 1, request };
    return onRedis(async () => {
      await this.queues.name(vcenter);
      if (cron === undefined) {
        const queue = await this.queues.queue(vcenter);
        await queue.add(kind, data, {
          jobId: queueId,
          ...(priority !== undefined && { priority }),
          ...(delayMs !== undefined && { delay: delayMs }),
        });
      } else {
        await setSchedule(this.queues, { vcenter, queueId }, { cron, data, priority });
      }
      return formatJobId({ vcenter, queueId });
    });
  }

  async job(id: string): Promise<FleetJob | undefined> {
    const address = parseJobId(id);
    return onRedis(() => this.queues.look(address));
  }

  jobs(filter: JobFilter = {}): AsyncIterable<FleetJob> {
    return listJobs(this.queues, filter);
  }

  async counts(): Promise<JobCounts[]> {
    return onRedis(async () =>
      Promise.all(
        (await this.queues.vcenters()).map(async (vcenter) => {
          const counts = await (await this.queues.queue(vcenter)).getJobCounts();
          const of = (...states: readonly string[]): number =>
            states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
          return {
            vcenter,
            waiting: of('waiting', 'prioritized', 'paused'),
            delayed: of('delayed'),
            running: of('active'),
            done: of('completed'),
            failed: of('failed'),
          };
        }),
      ),
    );
  }

  async *watch(
    id: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<FleetJob, void, undefined> {
    const address = parseJobId(id);
    const { signal } = parse('options', watchSchema, options);
    const events = await onRedis(() => this.#eventsOf(address.vcenter));
    yield* watchJob(this.queues, events, address, signal);
  }

  async cancel(id: string): Promise<Cancellation> {
    const address = parseJobId(id);
    return onRedis(() => cancelJob(this.queues, address));
  }

  async retry(id: string): Promise<boolean> {
    const address = parseJobId(id);
    return onRedis(async () => {
      const job = await this.queues.find(address);
      if (job === undefined || !(await job.isFailed())) return false;
      const { request } = describeJob(address.vcenter, job, 'failed');
      const data: JobData = { version: 1, request };
      await job.updateData(data);
      // How often its workers died.
      const queue = await this.queues.queue(address.vcenter);
      await (await this.queues.redis()).hdel(queue.toKey(address.queueId), 'stc');
      try {
        await job.retry('failed', { resetAttemptsMade: true });
      } catch (error) {
        // What was done and whose answer was lost is asked for again, and refused.
        const state = await job.getState();
        if (state === 'failed' || state === 'unknown') throw error;
      }
      return true;
    });
  }

  async lastBackups(): Promise<LastBackup[]> {
    return onRedis(() => lastBackups(this.queues));
  }

  transferSlots(vcenter: string): TransferSlots {
    const name = parse('vcenter', vcenterSchema, vcenter);
    const slots = this.#slots.get(name) ?? new HostSlots(this.queues, name);
    this.#slots.set(name, slots);
    return slots;
  }

  async close(): Promise<void> {
    await this.worker?.close();
    await Promise.all([...this.#slots.values()].map((slots) => slots.settled()));
    const started = await Promise.allSettled([...this.#events.values()]);
    const events = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    await Promise.all(events.map((each) => each.close()));
    await this.queues.close();
    // Whoever watches a job looks once more, and is told that there is nothing to look at.
    for (const each of events) each.tellAll();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #eventsOf(vcenter: string): Promise<JobEvents> {
    const known = this.#events.get(vcenter);
    if (known !== undefined) return known;
    const starting = JobEvents.start(this.queues, vcenter);
    this.#events.set(vcenter, starting);
    starting.catch(() => this.#events.delete(vcenter));
    return starting;
  }
}
