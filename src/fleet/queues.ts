import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import * as z from 'zod';
import { describeJob, type FleetJob } from './fleet-job.js';
import type { ResolvedFleetOptions } from './fleet-options.js';
import type { JobAddress } from './job-id.js';
import { vcenterSchema } from './job-request.js';
import { loadPeers, type Peers } from './peers.js';
import { closeRedis, openRedis, type Patience } from './redis-connection.js';

/** The fleet's queues in Redis, one for each vCenter, and its own keys beside them. Connects when it is first asked. */
export class Queues {
  readonly options: ResolvedFleetOptions;
  readonly #queues = new Map<string, Promise<Queue>>();
  readonly #named = new Map<string, Promise<unknown>>();
  #peers: Promise<Peers> | undefined;
  #redis: Promise<Redis> | undefined;
  #patient: Promise<Redis> | undefined;

  constructor(options: ResolvedFleetOptions) {
    this.options = options;
  }

  peers(): Promise<Peers> {
    return (this.#peers ??= loadPeers());
  }

  /** The application's connection. */
  redis(): Promise<Redis> {
    return (this.#redis ??= this.#openApplication());
  }

  /** One whose commands wait for as long as Redis is away. */
  patientRedis(): Promise<Redis> {
    return (this.#patient ??= this.open('worker'));
  }

  /** Ends the wait of whatever waits for a Redis that is away for too long. */
  async giveUp(): Promise<void> {
    const patient = await this.#patient;
    if (patient !== undefined) closeRedis(patient);
  }

  /** A connection of its own, for the caller to close. */
  async open(patience: Patience): Promise<Redis> {
    const { connection, logger } = this.options;
    return openRedis(await this.peers(), connection, patience, logger);
  }

  /** A key of the fleet's own. No queue's key has the slash. */
  key(...names: readonly string[]): string {
    return [this.options.name, ...names].join('/');
  }

  queue(vcenter: string): Promise<Queue> {
    const known = this.#queues.get(vcenter);
    if (known !== undefined) return known;
    const queue = this.#open(vcenter);
    this.#queues.set(vcenter, queue);
    queue.catch(() => this.#queues.delete(vcenter));
    return queue;
  }

  /** Makes a vCenter known to those who ask for all; each connection tells Redis once. */
  async name(vcenter: string): Promise<void> {
    const naming = this.#named.get(vcenter) ?? this.redis().then((redis) => redis.sadd(this.key('vcenters'), vcenter));
    this.#named.set(vcenter, naming);
    await naming.catch((error: unknown) => {
      this.#named.delete(vcenter);
      throw error;
    });
  }

  /** The same for a Redis that may have lost it. */
  async nameAgain(vcenter: string): Promise<void> {
    this.#named.delete(vcenter);
    await this.name(vcenter);
  }

  /** Those that ever had a job. */
  async vcenters(): Promise<string[]> {
    const names: unknown = await (await this.redis()).smembers(this.key('vcenters'));
    return z.array(vcenterSchema).parse(names).sort();
  }

  /** BullMQ's job. */
  async find({ vcenter, queueId }: JobAddress): Promise<Job | undefined> {
    return (await this.queue(vcenter)).getJob(queueId);
  }

  /** A job as it is now. */
  async look(address: JobAddress): Promise<FleetJob | undefined> {
    const queue = await this.queue(address.vcenter);
    // The state first: what a job came to is written before it has ended.
    const state = await queue.getJobState(address.queueId);
    if (state === 'unknown') return undefined;
    const job = await queue.getJob(address.queueId);
    return job && describeJob(address.vcenter, job, state);
  }

  async close(): Promise<void> {
    const queues = await Promise.allSettled([...this.#queues.values()]);
    await Promise.all(queues.flatMap((opened) => (opened.status === 'fulfilled' ? [opened.value.close()] : [])));
    // Not `quit`, which waits for a Redis that is away.
    for (const opened of await Promise.allSettled([this.#redis, this.#patient])) {
      if (opened.status === 'fulfilled' && opened.value !== undefined) closeRedis(opened.value);
    }
  }

  async #openApplication(): Promise<Redis> {
    const redis = await this.open('application');
    // A Redis that was away may have lost what it was told.
    redis.on('close', () => {
      this.#named.clear();
    });
    return redis;
  }

  async #open(vcenter: string): Promise<Queue> {
    const { bullmq } = await this.peers();
    const redis = await this.redis();
    // Whoever cannot reach Redis is told here: BullMQ waits for its first answer for ever.
    await redis.ping();
    const { name, attempts, keepDays, logger } = this.options;
    const kept = { age: Math.ceil(keepDays * 86_400) };
    const queue = new bullmq.Queue(vcenter, {
      connection: redis,
      prefix: name,
      defaultJobOptions: {
        attempts,
        backoff: { type: 'custom' },
        removeOnComplete: kept,
        removeOnFail: kept,
        // The error's JSON says what there is to say.
        stackTraceLimit: 0,
      },
    });
    queue.on('error', (error) => {
      logger.debug({ err: error, vcenter }, 'the queue reports an error');
    });
    await queue.waitUntilReady();
    return queue;
  }
}
