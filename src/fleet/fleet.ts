import type { IsAlive, Logger, TransferSlots } from '../index.js';
import type { FleetJob, JobState } from './fleet-job.js';
import type { JobOrder } from './job-order.js';
import type { LastBackup } from './last-backups.js';
import type { RedisConnection } from './redis-connection.js';

/** What a fleet is. All who take part in one are given the same. */
export interface FleetOptions {
  /** Where Redis is, or its URL: `redis://user@redis.example:6379/0`, `rediss:` with TLS. */
  readonly connection: RedisConnection | string;
  /** What its keys in Redis begin with; several fleets may use one Redis. Default `vmdk-driver`. */
  readonly name?: string | undefined;
  /** Jobs of one vCenter at a time, over all workers. Default 8. */
  readonly jobsPerVcenter?: number | undefined;
  /** Transfers with one ESXi host at a time, over all workers whose drivers have {@link Fleet.transferSlots}. Default 2. */
  readonly transfersPerHost?: number | undefined;
  /** How often a job is tried whose error is `retryable`. Default 20: with the default delay, for some two hours. */
  readonly attempts?: number | undefined;
  /** The pause before the second try, in milliseconds; it doubles with each, to 128 times as much. Default 5,000. */
  readonly retryDelayMs?: number | undefined;
  /**
   * How long a worker that shows no sign of life is waited for, in milliseconds: then another takes its jobs up. Default 60,000.
   * No less than 5,000.
   */
  readonly lockMs?: number | undefined;
  /** For how many days a job that has ended is remembered, and its id with it. Default 14. */
  readonly keepDays?: number | undefined;
  /** Default: silent. */
  readonly logger?: Partial<Logger> | undefined;
}

/** Which jobs are asked for. */
export interface JobFilter {
  /** Default: all. */
  readonly vcenter?: string | undefined;
  /** Default: all. */
  readonly states?: readonly JobState[] | undefined;
}

/** How many jobs of a vCenter are in each state. */
export interface JobCounts {
  readonly vcenter: string;
  readonly waiting: number;
  readonly delayed: number;
  readonly running: number;
  readonly done: number;
  /** Those that were cancelled, too. */
  readonly failed: number;
}

/**
 * What `cancel` did. `removed`: nobody ran it, and it is no more; `told`: whoever runs it, or takes it up, is told; `ended`: it has ended already;
 * `unknown`: there is no such job.
 */
export type Cancellation = 'removed' | 'told' | 'ended' | 'unknown';

/**
 * A queue of jobs for any number of workers. Redis keeps it, and nothing in it is secret.
 *
 * Whatever Redis fails with is a `StoreError` (`STORE_FAILED`): of reason `connection` and retryable where it could not be reached
 * for some 10 s.
 */
export interface Fleet extends AsyncDisposable {
  /**
   * Adds a job, unless the same is known already. To have the same backup restored into the same volume again, or verified again, give
   * a `requestId` of your own: else the first job's id is what you get, and nothing is done.
   *
   * @returns the job's id, or the schedule's where `cron` is given
   * @throws InvalidInputError, StoreError
   */
  enqueue(order: JobOrder): Promise<string>;
  /** A job as it is now; `undefined` where there is none, or none any more. @throws InvalidInputError, StoreError */
  job(id: string): Promise<FleetJob | undefined>;
  /** The jobs there are, by state in each vCenter: those that run first, those that are done last. @throws InvalidInputError, StoreError */
  jobs(filter?: JobFilter): AsyncIterable<FleetJob>;
  /** How many there are. @throws StoreError */
  counts(): Promise<JobCounts[]>;
  /**
   * A job each time something of it has changed, from what it is now to its end; its progress once a second.
   *
   * @throws InvalidInputError, StoreError; AbortError where `signal` is aborted
   */
  watch(id: string, options?: { readonly signal?: AbortSignal | undefined }): AsyncIterable<FleetJob>;
  /**
   * Cancels a job, whoever runs it: a running one ends as by its `signal`, within seconds. Also ends a schedule, and as a job
   * each run of it that has not ended: `told` where somebody does one, else `removed`.
   *
   * @throws InvalidInputError, StoreError
   */
  cancel(id: string): Promise<Cancellation>;
  /** Takes a failed or cancelled job up again. @returns whether there was one @throws InvalidInputError, StoreError */
  retry(id: string): Promise<boolean>;
  /** When the last backup of each volume was stored that this fleet made; ISO 8601. @throws StoreError */
  lastBackups(): Promise<LastBackup[]>;
  /** For `config.transferSlots` of the vCenter's driver, in each worker: counts the transfers of all of them together. */
  transferSlots(vcenter: string): TransferSlots;
  /**
   * For `driver.recover({ isAlive })`: answers by the workers' heartbeats. It says `false` of one who was silent for `lockMs` and a half
   * while the worker in this process was heard all the time, and nothing of anybody else: a worker that lives may have given the restore up.
   */
  readonly isAlive: IsAlive;
  /**
   * Closes this process's worker, as {@link FleetWorker.close} does by default, and the connections. Jobs and other workers go on;
   * whoever watches a job here, or starts the worker, is told by a `StoreError`.
   */
  close(): Promise<void>;
}
