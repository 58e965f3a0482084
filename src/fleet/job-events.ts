import type { QueueEvents } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Queues } from './queues.js';
import { closeOpened } from './redis-connection.js';

/** What BullMQ says when something of a job has changed. */
const changes = ['waiting', 'active', 'progress', 'delayed', 'completed', 'failed', 'stalled', 'removed'] as const;

/**
 * Tells of the changes of a vCenter's jobs, from a known event of the queue's on: nothing between that and a later look is missed,
 * not while Redis is away either.
 */
export class JobEvents {
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #events: QueueEvents;
  readonly #redis: Redis;

  private constructor(events: QueueEvents, redis: Redis) {
    this.#events = events;
    this.#redis = redis;
    redis.on('ready', this.tellAll);
    const tell = ({ jobId }: { readonly jobId: string }): void => {
      for (const listener of this.#listeners.get(jobId) ?? []) listener();
    };
    for (const change of changes) events.on(change, tell);
  }

  static async start(queues: Queues, vcenter: string): Promise<JobEvents> {
    const { bullmq } = await queues.peers();
    const redis = await queues.redis();
    const { name, logger } = queues.options;
    const [last] = await redis.xrevrange(`${name}:${vcenter}:events`, '+', '-', 'COUNT', 1);
    const patient = await queues.patientRedis();
    const events = new bullmq.QueueEvents(vcenter, {
      connection: patient,
      prefix: name,
      lastEventId: last?.[0] ?? '0-0',
    });
    events.on('error', (error) => {
      logger.debug({ err: error, vcenter }, 'the events of the queue report an error');
    });
    return new JobEvents(events, patient);
  }

  /** @returns what ends it */
  onChange(queueId: string, listener: () => void): Disposable {
    const listeners = this.#listeners.get(queueId) ?? new Set();
    this.#listeners.set(queueId, listeners.add(listener));
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size === 0) this.#listeners.delete(queueId);
      },
    };
  }

  /** Has all look again, also at what nothing is told of: Redis may have lost it, or is heard no more. */
  readonly tellAll = (): void => {
    for (const listeners of this.#listeners.values()) for (const listener of listeners) listener();
  };

  async close(): Promise<void> {
    this.#redis.off('ready', this.tellAll);
    // BullMQ waits for the end of its connection, and for ever where Redis is away.
    // What it rejects with is that the connection was closed before Redis had answered.
    const closing = this.#events.close().catch(() => undefined);
    closeOpened(this.#events.getBackend().connection);
    await closing;
  }
}
