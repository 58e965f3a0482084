import type { Redis } from 'ioredis';
import type { IsAlive } from '../index.js';
import type { Queues } from './queues.js';
import { onRedis } from './redis-failure.js';

/** A worker that was not heard for so long is forgotten; `isAlive` then has no answer. */
const forgottenAfterMs = 7 * 24 * 60 * 60 * 1000;

/*
 * All in parts of `lockMs`. A worker that lives is silent for no longer than `deadAfter`, where whoever asks was heard all that time. Of
 * the two things that hold its beats up, each leaves room:
 * - Redis was away, which whoever asks was not held up by for longer than `unbroken`; a beat is lost with it before and one after, and
 *   the clock of Redis may jump: 3/8 + 2 * 1/4 + 1/4 = 9/8.
 * - Its event loop was held, for 15/16 at the most, or its jobs are stopped; with one beat before, and the clock: 15/16 + 2 * 1/4 = 23/16.
 */
const period = 1 / 4;
const unbroken = 3 / 8;
const clockTolerance = 1 / 4;
const deadAfter = 3 / 2;

/** What was told to Redis of an owner: when it was, by the clock of Redis and by this process's own. */
interface Beat {
  readonly score: number;
  readonly at: number;
}

/** When each worker was last there, by the clock of Redis. */
export class Heartbeats {
  readonly #queues: Queues;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #last = new Map<string, Beat>();
  /** When this process was heard last, and since when it has been heard again and again; by its own clock. */
  #heardAt = -Infinity;
  #heardSince = -Infinity;
  /** One beat at a time: each looks at what the one before has left. */
  #beating: Promise<void> = Promise.resolve();

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
    }, period * this.#queues.options.lockMs);
    this.#timers.set(ownerId, timer);
    await this.#beat(ownerId);
  }

  /** Says nothing of this owner any more: its process may live on, and do something else. */
  async stop(ownerId: string): Promise<void> {
    clearInterval(this.#timers.get(ownerId));
    this.#timers.delete(ownerId);
    // A beat under way would come after.
    await this.#beating;
    this.#last.delete(ownerId);
    // A Redis that is away is not waited for: that nobody beats any more says as much.
    if (this.#silentMs < this.#queues.options.lockMs) await (await this.#queues.redis()).zrem(this.#key, ownerId);
  }

  /**
   * Never `true`: that a worker is heard means that its process lives, not that it still runs the restore that is asked about. That
   * it was not heard means that it is dead only if whoever asks was heard all that time: else Redis was away or has lost what it was
   * told, or this process did not run.
   */
  readonly isAlive: IsAlive = ({ id }) =>
    onRedis(async () => {
      const redis = await this.#queues.redis();
      const [now, score] = await Promise.all([timeOf(redis), redis.zscore(this.#key, id)]);
      const { lockMs } = this.#queues.options;
      const deadAfterMs = deadAfter * lockMs;
      if (score === null || now - Number(score) < deadAfterMs) return undefined;
      // After the question: a Redis that has gone back in time is noticed.
      await Promise.all([...this.#timers.keys()].map((ownerId) => this.#beat(ownerId)));
      const wasHeardAllAlong = this.#silentMs < unbroken * lockMs && this.#heardAt - this.#heardSince >= deadAfterMs;
      return wasHeardAllAlong ? false : undefined;
    });

  /** For how long Redis has heard nothing of this process, in milliseconds. */
  get #silentMs(): number {
    return performance.now() - this.#heardAt;
  }

  get #key(): string {
    return this.#queues.key('workers');
  }

  #beat(ownerId: string): Promise<void> {
    const beat = this.#beating.then(() => this.#tell(ownerId));
    this.#beating = beat.catch(() => undefined);
    return beat;
  }

  async #tell(ownerId: string): Promise<void> {
    const redis = await this.#queues.redis();
    const now = await timeOf(redis);
    const at = performance.now();
    // At once: what a Redis lost between the question and the new sign of life, nobody would learn of.
    const replies = await redis
      .multi()
      .zscore(this.#key, ownerId)
      .zadd(this.#key, now, ownerId)
      .zremrangebyscore(this.#key, '-inf', now - forgottenAfterMs)
      .exec();
    const [known] = (replies ?? []).map(([error, reply]) => {
      if (error !== null) throw error;
      return reply;
    });
    if (!this.#isUnbroken(this.#last.get(ownerId), known, { score: now, at })) this.#heardSince = at;
    this.#heardAt = at;
    this.#last.set(ownerId, { score: now, at });
  }

  /** Whether Redis still has what it was told last, and its clock went as this process's did. */
  #isUnbroken(last: Beat | undefined, known: unknown, { score, at }: Beat): boolean {
    const { lockMs } = this.#queues.options;
    if (last === undefined || typeof known !== 'string' || Number(known) !== last.score) return false;
    const passed = at - last.at;
    return passed < unbroken * lockMs && Math.abs(score - last.score - passed) <= clockTolerance * lockMs;
  }
}

/** In milliseconds, by the clock of Redis: those of the workers need not agree. */
async function timeOf(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}
