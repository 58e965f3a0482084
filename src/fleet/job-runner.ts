import { once } from 'node:events';
import type { Job } from 'bullmq';
import { AbortError, type BackupManifest, throwIfAborted, VmdkDriverError } from '../index.js';
import type { FleetDriver, FleetRepository } from './fleet-driver.js';
import { jobDataSchema } from './job-data.js';
import { type JobError, StalledError, toJobError } from './job-error.js';
import { dueAt } from './job-id.js';
import type { JobKind, JobRequest } from './job-request.js';
import { toJson } from './job-result.js';
import { noteBackup } from './last-backups.js';
import type { Peers } from './peers.js';
import { type Means, performRequest } from './perform-request.js';
import { ProgressRelay } from './progress-relay.js';
import { onRedis } from './redis-failure.js';
import type { RedisFleet } from './redis-fleet.js';

/** Why a running job is stopped. `lost`: another worker may run it by now, or will soon. */
export type StopReason = 'cancelled' | 'drained' | 'lost';

/**
 * How often a job's worker may die before it is the job that is thought to kill it. Each time costs more than `lockMs`, so that no
 * attack of restarts reaches it.
 */
export const mostStalls = 25;

/** How a job ended in this worker. */
export interface EndedJob {
  readonly vcenter: string;
  readonly kind: JobKind;
  readonly seconds: number;
  /** Of the stream, where there is one. */
  readonly bytes: number;
  /** Absent where it is done. */
  readonly error?: JobError | undefined;
}

/** What jobs of one vCenter are run with. */
export interface RunnerMeans {
  readonly fleet: RedisFleet;
  readonly vcenter: string;
  readonly driver: FleetDriver;
  readonly repository: FleetRepository | undefined;
  readonly peers: Peers;
  /** Whether a job may have been cancelled after it was handed out. */
  readonly wasCancelled: (queueId: string) => boolean;
  readonly onEnd: (ended: EndedJob) => void;
}

/** Runs the jobs of one vCenter, each as BullMQ hands it out. */
export class JobRunner {
  readonly #means: RunnerMeans;
  /** One for all jobs: it looks at the whole vCenter. */
  #recovery: Promise<readonly string[]> | undefined;
  readonly #draining = new AbortController();
  /** What stops each job that runs here. Not BullMQ's signals: it has one for each id, and a job may be taken up here a second time. */
  readonly #runs = new Map<string, AbortController>();

  constructor(means: RunnerMeans) {
    this.#means = means;
  }

  /** The ids of the jobs that run here. */
  get running(): readonly string[] {
    return [...this.#runs.keys()];
  }

  stop(queueId: string, reason: StopReason): void {
    this.#runs.get(queueId)?.abort(reason);
  }

  stopAll(reason: StopReason): void {
    for (const run of this.#runs.values()) run.abort(reason);
  }

  /** Stops all, and whatever is still handed out. */
  drain(): void {
    this.#draining.abort('drained' satisfies StopReason);
    this.stopAll('drained');
  }

  /**
   * BullMQ's processor. What it throws is an error whose message is the JSON that the dead letter has.
   */
  readonly run = async (job: Job, token: string | undefined): Promise<unknown> => {
    const { bullmq } = this.#means.peers;
    const data = jobDataSchema.safeParse(job.data);
    if (!data.success || job.id === undefined) {
      throw new bullmq.UnrecoverableError(JSON.stringify(toJobError(data.error ?? new Error('the job has no id'))));
    }
    if (this.#runs.has(job.id)) {
      // Its lock was lost, and it comes back while what was begun is still ending: for later, and not twice at once.
      this.stop(job.id, 'lost');
      return this.#handBack(job.id, token, 'lost');
    }
    const { request, cancelled } = data.data;
    const startedAt = performance.now();
    const run = new AbortController();
    this.#runs.set(job.id, run);
    try {
      if (this.#draining.signal.aborted) run.abort(this.#draining.signal.reason);
      throwIfAborted(run.signal);
      if (job.stalledCounter > mostStalls) throw new StalledError(job.stalledCounter);
      if (cancelled === true || (await this.#wasCancelledSince(job.id))) throw new AbortError({ reason: 'cancelled' });
      const result = await this.#perform(job, job.id, request, run.signal);
      if (request.kind === 'backup') await this.#note(result as BackupManifest);
      this.#end(request, startedAt, result);
      return toJson(result);
    } catch (error) {
      const reason = run.signal.aborted ? (run.signal.reason as StopReason) : undefined;
      if (reason === 'drained' || reason === 'lost') return await this.#handBack(job.id, token, reason);
      const jobError = toJobError(error);
      this.#end(request, startedAt, undefined, jobError);
      const text = JSON.stringify(jobError);
      throw jobError.retryable ? new Error(text) : new bullmq.UnrecoverableError(text);
    } finally {
      this.#runs.delete(job.id);
    }
  };

  /** For another worker; Redis refuses it where another has the job already. What is lost is taken up here no sooner than it has ended. */
  async #handBack(queueId: string, token: string | undefined, reason: 'drained' | 'lost'): Promise<never> {
    const { fleet, vcenter, peers } = this.#means;
    const { retryDelayMs, logger } = fleet.queues.options;
    try {
      // By the application's connection: the worker's would wait for as long as Redis is away.
      const found = await fleet.queues.find({ vcenter, queueId });
      if (reason === 'drained') await found?.moveToWait(token);
      else await found?.moveToDelayed(Date.now() + retryDelayMs, token);
    } catch (error) {
      logger.debug({ err: error, vcenter, job: queueId }, 'a job was not handed back: another worker has it, or will');
    }
    throw new peers.bullmq.WaitingError();
  }

  /** Between a job's being handed out and its beginning here, nobody can stop it. */
  async #wasCancelledSince(queueId: string): Promise<boolean> {
    const { fleet, vcenter, wasCancelled } = this.#means;
    if (!wasCancelled(queueId)) return false;
    const job = await onRedis(() => fleet.queues.find({ vcenter, queueId }));
    return jobDataSchema.safeParse(job?.data).data?.cancelled === true;
  }

  /** A restore whose worker died is in the way of the next one, which is why it is ended here, and not when somebody calls. */
  async #perform(job: Job, queueId: string, request: JobRequest, signal: AbortSignal): Promise<unknown> {
    const { driver, repository, fleet } = this.#means;
    const { tell } = new ProgressRelay(job, fleet.queues.options.logger);
    const { isAlive } = fleet;
    const means: Means = { driver, repository, isAlive, signal, onProgress: tell, dueAt: dueAt(queueId) };
    try {
      return await performRequest(request, means);
    } catch (error) {
      const isBusy = error instanceof VmdkDriverError && error.code === 'VOLUME_BUSY';
      if (!isBusy || !('volume' in request)) throw error;
      throwIfAborted(signal);
      // The recovery is for all: a job that is stopped does not wait for it.
      const ended = await Promise.race([this.#recover(), once(signal, 'abort').then((): string[] => [])]);
      throwIfAborted(signal);
      if (!ended.includes(request.volume.id)) throw error;
      return performRequest(request, means);
    }
  }

  /** @returns the volumes whose restores it ended */
  async #recover(): Promise<readonly string[]> {
    const { driver, fleet } = this.#means;
    this.#recovery ??= driver
      .recover({ isAlive: fleet.isAlive, signal: this.#draining.signal })
      .then(({ restores }) =>
        restores
          .filter(({ outcome }) => outcome === 'completed' || outcome === 'undone')
          .map(({ volumeId }) => volumeId),
      )
      .finally(() => {
        this.#recovery = undefined;
      });
    // Whoever was stopped does not hear of its failure.
    this.#recovery.catch(() => undefined);
    return this.#recovery;
  }

  /** That a backup is stored is true whether it can be noted or not. */
  async #note(manifest: BackupManifest): Promise<void> {
    const { fleet, vcenter } = this.#means;
    try {
      await noteBackup(fleet.queues, vcenter, manifest);
    } catch (error) {
      fleet.queues.options.logger.warn({ err: error, vcenter, backup: manifest.backupId }, 'a backup was not noted');
    }
  }

  #end({ kind }: JobRequest, startedAt: number, result: unknown, error?: JobError): void {
    const { vcenter, onEnd } = this.#means;
    const { streamBytes } = (result ?? {}) as { readonly streamBytes?: number };
    const seconds = (performance.now() - startedAt) / 1000;
    onEnd({ vcenter, kind, seconds, bytes: streamBytes ?? 0, ...(error && { error }) });
  }
}
