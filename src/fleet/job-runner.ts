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

/** A job that runs here. */
interface Run {
  /** What stops it. Not BullMQ's signal: it has one for each id, and a job may be taken up here a second time. */
  readonly stopping: AbortController;
  /** When its lock was taken or renewed last, by this process's clock. */
  lockedAt: number;
}

/** Runs the jobs of one vCenter, each as BullMQ hands it out. */
export class JobRunner {
  readonly #means: RunnerMeans;
  /** One for all jobs: it looks at the whole vCenter. */
  #recovery: Promise<readonly string[]> | undefined;
  readonly #draining = new AbortController();
  readonly #runs = new Map<string, Run>();
  /** What is told to Redis, and not waited for by the job that tells it. */
  readonly #noting = new Set<Promise<void>>();

  constructor(means: RunnerMeans) {
    this.#means = means;
  }

  /** The ids of the jobs that run here. */
  get running(): readonly string[] {
    return [...this.#runs.keys()];
  }

  stop(queueId: string, reason: StopReason): void {
    this.#runs.get(queueId)?.stopping.abort(reason);
  }

  /** Stops all, and whatever is still handed out. */
  drain(): void {
    this.#draining.abort('drained' satisfies StopReason);
    for (const { stopping } of this.#runs.values()) stopping.abort('drained' satisfies StopReason);
  }

  /** That the locks of these jobs were renewed. */
  noteRenewed(queueIds: readonly string[]): void {
    for (const queueId of queueIds) {
      const run = this.#runs.get(queueId);
      if (run !== undefined) run.lockedAt = performance.now();
    }
  }

  /** Stops what holds locks that were not renewed for so long, in milliseconds, before another worker begins it. */
  stopUnrenewed(sinceMs: number): void {
    const { fleet, vcenter } = this.#means;
    for (const [job, { stopping, lockedAt }] of this.#runs) {
      if (stopping.signal.aborted || performance.now() - lockedAt < sinceMs) continue;
      fleet.queues.options.logger.warn(
        { vcenter, job },
        "a job's lock is not renewed; it is stopped here before it ends",
      );
      stopping.abort('lost' satisfies StopReason);
    }
  }

  /** Waits until Redis has been told of all that was done here, or it is known that it cannot be. */
  async settled(): Promise<void> {
    await Promise.all(this.#noting);
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
    const stopping = new AbortController();
    const { signal } = stopping;
    this.#runs.set(job.id, { stopping, lockedAt: startedAt });
    try {
      if (this.#draining.signal.aborted) stopping.abort(this.#draining.signal.reason);
      throwIfAborted(signal);
      if (job.stalledCounter > mostStalls) throw new StalledError(job.stalledCounter);
      if (cancelled === true || (await this.#wasCancelledSince(job.id))) throw new AbortError({ reason: 'cancelled' });
      const result = await this.#perform(job, job.id, request, signal);
      if (request.kind === 'backup') this.#note(result as BackupManifest);
      this.#end(request, startedAt, result);
      return toJson(result);
    } catch (error) {
      const reason = signal.aborted ? (signal.reason as StopReason) : undefined;
      if (reason === 'drained' || reason === 'lost') return await this.#handBack(job.id, token, reason);
      const jobError = toJobError(reason === 'cancelled' ? this.#asCancelled(error, signal) : error);
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
    using relay = new ProgressRelay(job, fleet.queues.options.logger);
    const { isAlive } = fleet;
    const means: Means = { driver, repository, isAlive, signal, onProgress: relay.tell, dueAt: dueAt(queueId) };
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
      return await performRequest(request, means);
    }
  }

  /** @returns the volumes whose restores it ended: none where it failed, and what it was for fails as it did before */
  async #recover(): Promise<readonly string[]> {
    const { driver, fleet, vcenter } = this.#means;
    this.#recovery ??= driver
      .recover({ isAlive: fleet.isAlive, signal: this.#draining.signal })
      .then(({ restores }) =>
        restores
          .filter(({ outcome }) => outcome === 'completed' || outcome === 'undone')
          .flatMap(({ volumeId }) => volumeId ?? []),
      )
      .catch((error: unknown): string[] => {
        fleet.queues.options.logger.warn({ err: error, vcenter }, 'what dead workers left could not be ended');
        return [];
      })
      .finally(() => {
        this.#recovery = undefined;
      });
    return this.#recovery;
  }

  /** What was cancelled is not tried again, whatever it had failed with before it was told. */
  #asCancelled(error: unknown, signal: AbortSignal): AbortError {
    if (error instanceof AbortError) return error;
    const { fleet, vcenter } = this.#means;
    fleet.queues.options.logger.debug({ err: error, vcenter }, 'a job failed and was cancelled');
    const cancelled = new AbortError(signal);
    if (error instanceof VmdkDriverError) cancelled.cleanup = error.cleanup;
    return cancelled;
  }

  /** That a backup is stored is true whether it can be noted or not. */
  #note(manifest: BackupManifest): void {
    const { fleet, vcenter } = this.#means;
    const noting = noteBackup(fleet.queues, vcenter, manifest)
      .catch((error: unknown) => {
        fleet.queues.options.logger.warn({ err: error, vcenter, backup: manifest.backupId }, 'a backup was not noted');
      })
      .finally(() => this.#noting.delete(noting));
    this.#noting.add(noting);
  }

  #end({ kind }: JobRequest, startedAt: number, result: unknown, error?: JobError): void {
    const { vcenter, onEnd } = this.#means;
    const { streamBytes } = (result ?? {}) as { readonly streamBytes?: number };
    const seconds = (performance.now() - startedAt) / 1000;
    onEnd({ vcenter, kind, seconds, bytes: streamBytes ?? 0, ...(error && { error }) });
  }
}
