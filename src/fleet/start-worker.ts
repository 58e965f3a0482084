import type { Worker } from 'bullmq';
import * as z from 'zod';
import { InvalidInputError } from '../index.js';
import { CancellationListener } from './cancellation-listener.js';
import type { Fleet } from './fleet.js';
import type { FleetDriver, FleetRepository } from './fleet-driver.js';
import { parseJobError } from './job-error.js';
import { formatJobId } from './job-id.js';
import { vcenterSchema } from './job-request.js';
import { type EndedJob, JobRunner, type StopReason } from './job-runner.js';
import { LoopWatch } from './loop-watch.js';
import { type FleetMetrics, type MeasuredWorker, WorkerMetrics } from './metrics.js';
import { parse } from './parse.js';
import { onRedis } from './redis-failure.js';
import { RedisFleet } from './redis-fleet.js';
import { pauseBefore } from './try-again.js';

/** What a worker is made of. */
export interface FleetWorkerOptions {
  /** What {@link createFleet} gave. */
  readonly fleet: Fleet;
  /** The driver of each vCenter that this worker serves. Their secrets stay in this process. */
  readonly drivers: Readonly<Record<string, FleetDriver>>;
  /** The repository of each vCenter whose retention is a job. */
  readonly repositories?: Readonly<Record<string, FleetRepository>> | undefined;
  /** Jobs of each vCenter at a time in this process. Default 4. */
  readonly concurrency?: number | undefined;
  /** What {@link createMetrics} gave, to be told what becomes of jobs here. Default: nobody is told. */
  readonly metrics?: FleetMetrics | undefined;
}

/** How a worker is closed. */
export interface CloseOptions {
  /** How long running jobs are waited for, in milliseconds, before they are aborted and handed back. Default 60,000. */
  readonly graceMs?: number | undefined;
}

/** A worker of this process. */
export interface FleetWorker extends AsyncDisposable {
  /** Jobs that run here now. */
  readonly running: number;
  /**
   * Takes no more jobs, waits for those that run, and hands back to the others what takes too long: leases are ended, and nothing is
   * left. To be called on SIGTERM.
   */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * How often a job's worker may die before it is the job that is thought to kill it. Each time costs `lockMs`, so that no attack of
 * restarts reaches it.
 */
const mostStalls = 25;

const driverSchema = methods<FleetDriver>(['backupVolume', 'restoreBackup', 'verifyBackup', 'recover']);
const repositorySchema = methods<FleetRepository>(['applyRetention']);

const optionsSchema = z.strictObject({
  fleet: z.instanceof(RedisFleet, { message: 'must be what createFleet gave' }),
  drivers: z.record(vcenterSchema, driverSchema),
  repositories: z.record(vcenterSchema, repositorySchema).default({}),
  concurrency: z.int().positive().default(4),
  metrics: z.instanceof(WorkerMetrics, { message: 'must be what createMetrics gave' }).optional(),
});

/**
 * Takes up the jobs of the vCenters it has drivers for, until it is closed.
 *
 * @throws InvalidInputError, StoreError
 */
export async function startWorker(options: FleetWorkerOptions): Promise<FleetWorker> {
  const { fleet, drivers, repositories, concurrency, metrics } = parse('options', optionsSchema, options);
  const [anyDriver] = Object.values(drivers);
  if (anyDriver === undefined) throw new InvalidInputError('options.drivers', 'has none');
  return onRedis(async () => {
    const worker = new RunningWorker(fleet, anyDriver.ownerId, metrics);
    try {
      await worker.start(drivers, repositories, concurrency);
      return worker;
    } catch (error) {
      await worker.close({ graceMs: 0 });
      throw error;
    }
  });
}

class RunningWorker implements FleetWorker, MeasuredWorker {
  readonly #fleet: RedisFleet;
  readonly #ownerId: string;
  readonly #metrics: WorkerMetrics | undefined;
  readonly #loopWatch: LoopWatch;
  readonly #workers = new Map<string, Worker>();
  readonly #runners = new Map<string, JobRunner>();
  #cancellations: CancellationListener | undefined;
  #closing: Promise<void> | undefined;

  constructor(fleet: RedisFleet, ownerId: string, metrics: WorkerMetrics | undefined) {
    const { lockMs, logger } = fleet.queues.options;
    this.#fleet = fleet;
    this.#ownerId = ownerId;
    this.#metrics = metrics;
    metrics?.measure(this);
    this.#loopWatch = new LoopWatch(lockMs, logger);
  }

  get running(): number {
    return [...this.#runners.values()].reduce((sum, { running }) => sum + running.size, 0);
  }

  get vcenters(): readonly string[] {
    return [...this.#runners.keys()];
  }

  runningOf(vcenter: string): number {
    return this.#runners.get(vcenter)?.running.size ?? 0;
  }

  takeLongestStallMs(): number {
    return this.#loopWatch.takeLongestMs();
  }

  async start(
    drivers: Readonly<Record<string, FleetDriver>>,
    repositories: Readonly<Record<string, FleetRepository>>,
    concurrency: number,
  ): Promise<void> {
    await this.#fleet.heartbeats.start(this.#ownerId);
    this.#cancellations = await CancellationListener.start(
      this.#fleet,
      ({ vcenter, queueId }) => {
        this.#stop(vcenter, queueId, 'cancelled');
      },
      () => void this.#lookForCancelled(),
    );
    for (const [vcenter, driver] of Object.entries(drivers)) {
      await this.#serve(vcenter, driver, repositories[vcenter], concurrency);
    }
  }

  close({ graceMs = 60_000 }: CloseOptions = {}): Promise<void> {
    return (this.#closing ??= this.#close(graceMs));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #serve(
    vcenter: string,
    driver: FleetDriver,
    repository: FleetRepository | undefined,
    concurrency: number,
  ): Promise<void> {
    const { queues } = this.#fleet;
    const { name, lockMs, jobsPerVcenter, logger } = queues.options;
    const peers = await queues.peers();
    await queues.name(vcenter);
    await (await queues.queue(vcenter)).setGlobalConcurrency(jobsPerVcenter);
    const runner = new JobRunner({
      fleet: this.#fleet,
      vcenter,
      driver,
      repository,
      peers,
      wasCancelled: (queueId) => this.#cancellations?.has(formatJobId({ vcenter, queueId })) ?? false,
      onEnd: (ended) => {
        this.#sayEnd(ended);
        this.#metrics?.count(ended);
      },
    });
    // Three arguments: BullMQ gives a signal to those only who take one.
    const worker = new peers.bullmq.Worker(vcenter, (job, token, signal) => runner.run(job, token, signal), {
      connection: await queues.patientRedis(),
      prefix: name,
      concurrency,
      lockDuration: lockMs,
      lockRenewTime: lockMs / 4,
      stalledInterval: lockMs / 2,
      maxStalledCount: mostStalls,
      settings: {
        backoffStrategy: (tries, _type, error) =>
          pauseBefore(tries, parseJobError(error?.message ?? ''), queues.options),
      },
    });
    worker.on('error', (error) => {
      logger.debug({ err: error, vcenter }, 'the worker reports an error');
    });
    worker.on('stalled', (queueId) => {
      logger.warn({ vcenter, job: queueId }, 'the worker of a job is not heard any more; another takes it up');
    });
    worker.on('lockRenewalFailed', (queueIds) => {
      for (const queueId of queueIds) {
        logger.warn({ vcenter, job: queueId }, 'a job may be run by another worker now; it is stopped here');
        this.#stop(vcenter, queueId, 'lost');
      }
    });
    this.#workers.set(vcenter, worker);
    this.#runners.set(vcenter, runner);
  }

  #stop(vcenter: string, queueId: string, reason: StopReason): void {
    this.#workers.get(vcenter)?.cancelJob(queueId, reason);
  }

  /** Redis was away: what was cancelled meanwhile is marked. */
  async #lookForCancelled(): Promise<void> {
    try {
      for (const [vcenter, { running }] of this.#runners) {
        for (const queueId of running.keys()) {
          const job = await this.#fleet.queues.look({ vcenter, queueId });
          if (job?.cancelling === true) this.#stop(vcenter, queueId, 'cancelled');
        }
      }
    } catch (error) {
      this.#fleet.queues.options.logger.debug({ err: error }, 'it was not found out what is cancelled');
    }
  }

  #sayEnd({ vcenter, kind, seconds, error }: EndedJob): void {
    const { logger } = this.#fleet.queues.options;
    if (error === undefined) logger.info({ vcenter, kind, seconds }, 'a job is done');
    else logger.warn({ vcenter, kind, seconds, err: error }, 'a job failed');
  }

  async #close(graceMs: number): Promise<void> {
    const workers = [...this.#workers.values()];
    // Nothing new is taken from here on.
    const closing = Promise.all(workers.map((worker) => worker.close()));
    const timer = setTimeout(() => {
      for (const worker of workers) worker.cancelAllJobs('drained' satisfies StopReason);
      for (const runner of this.#runners.values()) runner.stop('drained');
    }, graceMs);
    await closing;
    clearTimeout(timer);
    this.#loopWatch[Symbol.dispose]();
    this.#cancellations?.close();
    await onRedis(() => this.#fleet.heartbeats.stop(this.#ownerId)).catch((error: unknown) => {
      this.#fleet.queues.options.logger.debug({ err: error }, 'the last heartbeat could not be taken back');
    });
  }
}

/** An object of the application's whose methods are called. */
function methods<T extends object>(names: readonly (string & keyof T)[]): z.ZodType<T> {
  return z.custom<T>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      names.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === 'function'),
    `must be an object with ${names.join(', ')}`,
  );
}
