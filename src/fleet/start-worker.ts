import type { Worker } from 'bullmq';
import * as z from 'zod';
import { InvalidInputError, StoreError } from '../index.js';
import { CancellationListener } from './cancellation-listener.js';
import type { Fleet } from './fleet.js';
import type { FleetDriver, FleetRepository } from './fleet-driver.js';
import { longestTimerMs } from './fleet-options.js';
import { parseJobError } from './job-error.js';
import { formatJobId } from './job-id.js';
import { vcenterSchema } from './job-request.js';
import { type EndedJob, JobRunner } from './job-runner.js';
import { LoopWatch } from './loop-watch.js';
import { methods } from './methods.js';
import { type FleetMetrics, type MeasuredWorker, WorkerMetrics } from './metrics.js';
import { parse } from './parse.js';
import { closeOpened } from './redis-connection.js';
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

const driverSchema = methods<FleetDriver>(['backupVolume', 'restoreBackup', 'verifyBackup', 'recover']).refine(
  ({ ownerId }) => typeof ownerId === 'string',
  'must have an ownerId',
);
const repositorySchema = methods<FleetRepository>(['applyRetention']);

const optionsSchema = z.strictObject({
  fleet: z.instanceof(RedisFleet, { message: 'must be what createFleet gave' }),
  drivers: z.record(vcenterSchema, driverSchema),
  repositories: z.record(vcenterSchema, repositorySchema).default({}),
  concurrency: z.int().positive().default(4),
  metrics: z.instanceof(WorkerMetrics, { message: 'must be what createMetrics gave' }).optional(),
});

const closeSchema = z.strictObject({
  graceMs: z
    .number()
    .nonnegative()
    .default(60_000)
    .transform((graceMs) => Math.min(graceMs, longestTimerMs)),
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
  if (fleet.worker !== undefined)
    throw new InvalidInputError('options.fleet', 'has a worker; one serves many vCenters');
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
  #watch: NodeJS.Timeout | undefined;
  #cancellations: CancellationListener | undefined;
  /** When it is looked next for what was missed, as nobody tells of it: at once where Redis was away. */
  #lookDueAt: number;
  #isLooking = false;
  /** Ends the wait for BullMQ's workers, once they were told to close. */
  #leave: (() => void) | undefined;
  /** Since when nothing runs here any more after that. */
  #idleAt: number | undefined;
  #closing: Promise<void> | undefined;
  #starting: Promise<void> | undefined;
  /** Aborted as soon as it is closed: what is still being started then is given up. */
  readonly #closed = new AbortController();

  constructor(fleet: RedisFleet, ownerId: string, metrics: WorkerMetrics | undefined) {
    const { lockMs, logger } = fleet.queues.options;
    this.#fleet = fleet;
    this.#ownerId = ownerId;
    this.#metrics = metrics;
    fleet.worker = this;
    metrics?.measure(this);
    this.#loopWatch = new LoopWatch(lockMs, logger);
    this.#lookDueAt = performance.now() + lockMs / 2;
    this.#lookAfter(lockMs / 8);
  }

  get running(): number {
    return [...this.#runners.values()].reduce((sum, { running }) => sum + running.length, 0);
  }

  get vcenters(): readonly string[] {
    return [...this.#runners.keys()];
  }

  runningOf(vcenter: string): number {
    return this.#runners.get(vcenter)?.running.length ?? 0;
  }

  takeLongestStallMs(): number {
    return this.#loopWatch.takeLongestMs();
  }

  start(
    drivers: Readonly<Record<string, FleetDriver>>,
    repositories: Readonly<Record<string, FleetRepository>>,
    concurrency: number,
  ): Promise<void> {
    return (this.#starting = this.#start(drivers, repositories, concurrency));
  }

  async close(options: CloseOptions = {}): Promise<void> {
    const { graceMs } = parse('options', closeSchema, options);
    await (this.#closing ??= this.#close(graceMs));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #start(
    drivers: Readonly<Record<string, FleetDriver>>,
    repositories: Readonly<Record<string, FleetRepository>>,
    concurrency: number,
  ): Promise<void> {
    await this.#fleet.heartbeats.start(this.#ownerId);
    this.#assertOpen();
    this.#cancellations = await CancellationListener.start(
      this.#fleet,
      ({ vcenter, queueId }) => {
        this.#runners.get(vcenter)?.stop(queueId, 'cancelled');
      },
      () => {
        this.#lookDueAt = -Infinity;
        void this.#lookAgain();
      },
      this.#closed.signal,
    );
    this.#assertOpen();
    for (const [vcenter, driver] of Object.entries(drivers)) {
      await this.#serve(vcenter, driver, repositories[vcenter], concurrency);
    }
  }

  /** @throws StoreError where it was closed meanwhile: what would be started now, nobody would close */
  #assertOpen(): void {
    if (this.#closed.signal.aborted) throw new StoreError('connection', 'the worker was closed before it had started');
  }

  async #serve(
    vcenter: string,
    driver: FleetDriver,
    repository: FleetRepository | undefined,
    concurrency: number,
  ): Promise<void> {
    const { queues } = this.#fleet;
    const { name, lockMs, logger } = queues.options;
    const peers = await queues.peers();
    await this.#announce(vcenter);
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
    const connection = await queues.patientRedis();
    this.#assertOpen();
    const worker = new peers.bullmq.Worker(vcenter, (job, token) => runner.run(job, token), {
      connection,
      prefix: name,
      concurrency,
      lockDuration: lockMs,
      lockRenewTime: lockMs / 4,
      stalledInterval: lockMs / 2,
      // It is the runner that looks at how often: what BullMQ fails itself is neither counted nor logged.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
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
    worker.on('locksRenewed', ({ jobIds }) => {
      runner.noteRenewed(jobIds);
    });
    worker.on('lockRenewalFailed', (queueIds) => {
      for (const queueId of queueIds) {
        logger.warn({ vcenter, job: queueId }, 'a job may be run by another worker now; it is stopped here');
        runner.stop(queueId, 'lost');
      }
    });
    this.#workers.set(vcenter, worker);
    this.#runners.set(vcenter, runner);
  }

  /** Makes a vCenter known, and how many of its jobs may run at a time. */
  async #announce(vcenter: string): Promise<void> {
    const { queues } = this.#fleet;
    await queues.nameAgain(vcenter);
    await (await queues.queue(vcenter)).setGlobalConcurrency(queues.options.jobsPerVcenter);
  }

  #lookAfter(pauseMs: number): void {
    const dueAt = performance.now() + pauseMs;
    this.#watch = setTimeout(() => {
      const { lockMs } = this.#fleet.queues.options;
      // Where the event loop was held, the locks are only being renewed now: the answer is waited for as long as there is time.
      const wasHeld = performance.now() - dueAt > lockMs / 16;
      this.#lookAfter(lockMs / (wasHeld ? 32 : 8));
      // A lock is renewed every quarter of its life at the least. The rest is for the job to end.
      for (const runner of this.#runners.values()) runner.stopUnrenewed((wasHeld ? 15 / 16 : 5 / 8) * lockMs);
      this.#cancellations?.check();
      void this.#lookAgain();
      this.#lookForEnd();
    }, pauseMs);
  }

  /** That nothing runs here any more is what matters: BullMQ may wait for ever for a connection that was lost. */
  #lookForEnd(): void {
    if (this.#leave === undefined) return;
    if (this.running > 0) {
      this.#idleAt = undefined;
      return;
    }
    this.#idleAt ??= performance.now();
    if (performance.now() - this.#idleAt < this.#fleet.queues.options.lockMs / 2) return;
    void this.#fleet.queues.giveUp();
    this.#leave();
  }

  /**
   * What was cancelled is marked, and what Redis was told may be lost. It is looked after by the clock as well: a Redis that was emptied,
   * or that is not the primary any more where a cancellation was told to another, breaks no connection.
   */
  async #lookAgain(): Promise<void> {
    if (this.#isLooking || performance.now() < this.#lookDueAt) return;
    const { queues } = this.#fleet;
    const { lockMs, logger } = queues.options;
    this.#isLooking = true;
    this.#lookDueAt = performance.now() + lockMs / 2;
    try {
      for (const [vcenter, runner] of this.#runners) {
        for (const queueId of runner.running) {
          const job = await queues.look({ vcenter, queueId });
          if (job?.cancelling === true) runner.stop(queueId, 'cancelled');
        }
      }
      for (const vcenter of this.#runners.keys()) await this.#announce(vcenter);
    } catch (error) {
      this.#lookDueAt = -Infinity;
      logger.debug({ err: error }, 'it was not found out what was missed of Redis');
    } finally {
      this.#isLooking = false;
    }
  }

  #sayEnd({ vcenter, kind, seconds, error }: EndedJob): void {
    const { logger } = this.#fleet.queues.options;
    if (error === undefined) logger.info({ vcenter, kind, seconds }, 'a job is done');
    else logger.warn({ vcenter, kind, seconds, err: error }, 'a job failed');
  }

  async #close(graceMs: number): Promise<void> {
    this.#closed.abort();
    await this.#starting?.catch(() => undefined);
    const workers = [...this.#workers.values()];
    // Nothing new is taken from here on.
    const closing = Promise.all(workers.map((worker) => worker.close()));
    // BullMQ waits for the end of the connection on which it waited for jobs, and for ever where Redis is away.
    for (const worker of workers) closeOpened(worker.getBackend().blockingConnection);
    const left = new Promise<void>((resolve) => (this.#leave = resolve));
    const timer = setTimeout(() => {
      for (const runner of this.#runners.values()) runner.drain();
    }, graceMs);
    await Promise.race([closing, left]);
    clearTimeout(timer);
    clearTimeout(this.#watch);
    await Promise.all([...this.#runners.values()].map((runner) => runner.settled()));
    this.#loopWatch[Symbol.dispose]();
    this.#cancellations?.close();
    await onRedis(() => this.#fleet.heartbeats.stop(this.#ownerId)).catch((error: unknown) => {
      this.#fleet.queues.options.logger.debug({ err: error }, 'the last heartbeat could not be taken back');
    });
    this.#fleet.worker = undefined;
  }
}
