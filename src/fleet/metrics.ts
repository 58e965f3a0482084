import type { Counter, Gauge, Histogram, Registry } from 'prom-client';
import * as z from 'zod';
import type { Fleet } from './fleet.js';
import type { EndedJob } from './job-runner.js';
import { methods } from './methods.js';
import { parse } from './parse.js';
import { loadPrometheus } from './peers.js';

/** What a worker, and the fleet as it sees it, have to say to Prometheus. */
export interface FleetMetrics {
  /** The media type of {@link text}. */
  readonly contentType: string;
  /** All of it, in the format that Prometheus reads. @throws StoreError where Redis cannot be asked */
  text(): Promise<string>;
  /** Asks Redis, and reads none of it: what {@link text} resets stays. @throws StoreError where it cannot be asked */
  ping(): Promise<void>;
}

/** What is asked of a worker whenever somebody reads the metrics. */
export interface MeasuredWorker {
  /** Jobs that run now, by vCenter. */
  runningOf(vcenter: string): number;
  readonly vcenters: readonly string[];
  /** The longest that the event loop was held since this was last asked, in milliseconds. */
  takeLongestStallMs(): number;
}

const optionsSchema = z.strictObject({ fleet: methods<Fleet>(['counts', 'lastBackups']) });

const secondsBuckets = [1, 5, 15, 60, 300, 900, 3_600, 4 * 3_600, 12 * 3_600];

/**
 * Metrics for `startWorker({ metrics })` and {@link serveMetrics}. Loads `prom-client`.
 *
 * @throws InvalidInputError; StoreError where that is not installed
 */
export async function createMetrics(options: { readonly fleet: Fleet }): Promise<FleetMetrics> {
  const { fleet } = parse('options', optionsSchema, options);
  const prometheus = await loadPrometheus();
  return new WorkerMetrics(fleet, prometheus);
}

/** The metrics, by `prom-client`. */
export class WorkerMetrics implements FleetMetrics {
  readonly #registry: Registry;
  readonly #fleet: Fleet;
  readonly #depth: Gauge;
  readonly #running: Gauge;
  readonly #age: Gauge;
  readonly #stall: Gauge;
  readonly #bytes: Counter;
  readonly #failures: Counter;
  readonly #seconds: Histogram;
  #worker: MeasuredWorker | undefined;

  constructor(fleet: Fleet, { Registry, Gauge, Counter, Histogram }: Awaited<ReturnType<typeof loadPrometheus>>) {
    this.#fleet = fleet;
    const registers = [(this.#registry = new Registry())];
    this.#depth = new Gauge({
      name: 'vmdk_driver_jobs',
      help: 'Jobs in Redis, of all workers, by state',
      labelNames: ['vcenter', 'state'],
      registers,
    });
    this.#running = new Gauge({
      name: 'vmdk_driver_running_jobs',
      help: 'Jobs that run in this worker',
      labelNames: ['vcenter'],
      registers,
    });
    this.#age = new Gauge({
      name: 'vmdk_driver_last_backup_age_seconds',
      help: 'How long ago the last backup of a volume was stored that this fleet made',
      labelNames: ['vcenter', 'volume'],
      registers,
    });
    this.#stall = new Gauge({
      name: 'vmdk_driver_event_loop_stall_seconds',
      help: 'The longest that the event loop of this worker was held since this was read last',
      registers,
    });
    this.#bytes = new Counter({
      name: 'vmdk_driver_stream_bytes_total',
      help: 'Bytes of streams that jobs of this worker moved to their end',
      labelNames: ['vcenter', 'kind'],
      registers,
    });
    this.#failures = new Counter({
      name: 'vmdk_driver_failures_total',
      help: 'Tries of this worker that ended in an error, by its code',
      labelNames: ['vcenter', 'kind', 'code'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'vmdk_driver_job_seconds',
      help: 'How long tries took in this worker',
      labelNames: ['vcenter', 'kind', 'outcome'],
      buckets: secondsBuckets,
      registers,
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Asks this worker from now on. */
  measure(worker: MeasuredWorker): void {
    this.#worker = worker;
  }

  count({ vcenter, kind, seconds, bytes, error }: EndedJob): void {
    this.#seconds.observe({ vcenter, kind, outcome: error === undefined ? 'done' : 'failed' }, seconds);
    this.#bytes.inc({ vcenter, kind }, bytes);
    if (error !== undefined) this.#failures.inc({ vcenter, kind, code: error.code });
  }

  async ping(): Promise<void> {
    await this.#fleet.counts();
  }

  async text(): Promise<string> {
    const [counts, backups] = await Promise.all([this.#fleet.counts(), this.#fleet.lastBackups()]);
    for (const { vcenter, ...states } of counts) {
      for (const [state, count] of Object.entries(states)) this.#depth.set({ vcenter, state }, count);
    }
    const now = Date.now();
    // A volume that is not listed any more is not shown for ever.
    this.#age.reset();
    for (const { vcenter, volumeId, storedAt } of backups) {
      this.#age.set({ vcenter, volume: volumeId }, Math.max(0, (now - Date.parse(storedAt)) / 1000));
    }
    for (const vcenter of this.#worker?.vcenters ?? []) {
      this.#running.set({ vcenter }, this.#worker?.runningOf(vcenter) ?? 0);
    }
    this.#stall.set((this.#worker?.takeLongestStallMs() ?? 0) / 1000);
    return this.#registry.metrics();
  }
}
