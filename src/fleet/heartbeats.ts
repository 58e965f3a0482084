import type { Redis } from 'ioredis';
import type { IsAlive } from '../index.js';
import type { Queues } from './queues.js';

/** A worker that was not heard for so long is forgotten; `isAlive` then has no answer. */
const forgottenAfterMs = 7 * 24 * 60 * 60 * 1000;

/** When each worker was last there, by the clock of Redis. */
export class Heartbeats {
  readonly #queues: Queues;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** When this process was heard last, and since when it has been heard again and again; by its own clock. */
  #heardAt = -Infinity;
  #heardSince = -Infinity;

  constructor(queues: Queues) {
    this.#queues = queues;
  }

  /** Shows from now on that an owner lives. */
  async start(ownerId: string): Promise<void> {
    if (this.#timers.has(ownerId)) return;
    let isBeating = false;
    const timer = setInterval(() => {
      if (isBeating) return;
      isBeating = true;
      void this.#beat(ownerId)
        .catch((error: unknown) => {
          this.#queues.options.logger.debug({ err: error }, 'a heartbeat was lost');
        })
        .finally(() => {
          isBeating = false;
        });
    }, this.#queues.options.lockMs / 4);
    this.#timers.set(ownerId, timer);
    await this.#beat(ownerId);
  }

  /** Says nothing of this owner any more: its process may live on, and do something else. */
  async stop(ownerId: string): Promise<void> {
    clearInterval(this.#timers.get(ownerId));
    this.#timers.delete(ownerId);
    await (await this.#queues.redis()).zrem(this.#key, ownerId);
  }

  /**
   * That somebody was not heard means that he is dead only if whoever asks was heard all that time: else Redis was away, or this
   * process did not run.
   */
  readonly isAlive: IsAlive = async ({ id }) => {
    const redis = await this.#queues.redis();
    const [now, score] = await Promise.all([timeOf(redis), redis.zscore(this.#key, id)]);
    if (score === null) return undefined;
    const { lockMs } = this.#queues.options;
    if (now - Number(score) < lockMs) return true;
    const wasHeardAllAlong = performance.now() - this.#heardAt < lockMs && this.#heardAt - this.#heardSince >= lockMs;
    return wasHeardAllAlong ? false : undefined;
  };

  get #key(): string {
    return this.#queues.key('workers');
  }

  async #beat(ownerId: string): Promise<void> {
    const redis = await this.#queues.redis();
    const now = await timeOf(redis);
    await redis
      .multi()
      .zadd(this.#key, now, ownerId)
      .zremrangebyscore(this.#key, '-inf', now - forgottenAfterMs)
      .exec();
    const at = performance.now();
    if (at - this.#heardAt >= this.#queues.options.lockMs) this.#heardSince = at;
    this.#heardAt = at;
  }
}

/** In milliseconds, by the clock of Redis: those of the workers need not agree. */
async function timeOf(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}
