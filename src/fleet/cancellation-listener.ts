import type { Redis } from 'ioredis';
import { cancellationChannel } from './cancellation.js';
import { type JobAddress, parseJobId } from './job-id.js';
import { closeRedis } from './redis-connection.js';
import type { RedisFleet } from './redis-fleet.js';

/** So many of those last cancelled are remembered: one may be told of before it is begun here. */
const remembered = 1_000;

/** Hears which jobs are cancelled, and has those stopped that run here. */
export class CancellationListener {
  readonly #redis: Redis;
  readonly #recent = new Set<string>();

  private constructor(redis: Redis) {
    this.#redis = redis;
  }

  /**
   * @param stop called with each job that is cancelled
   * @param lookAgain called when something may have been missed, as Redis was away
   * @param closed ends the wait for a Redis that does not answer
   */
  static async start(
    fleet: RedisFleet,
    stop: (address: JobAddress) => void,
    lookAgain: () => void,
    closed: AbortSignal,
  ): Promise<CancellationListener> {
    const redis = await fleet.queues.open('worker');
    const listener = new CancellationListener(redis);
    redis.on('message', (_channel: string, id: string) => {
      listener.#remember(id);
      try {
        stop(parseJobId(id));
      } catch (error) {
        fleet.queues.options.logger.warn({ err: error }, 'somebody cancels what is not a job');
      }
    });
    const close = (): void => {
      listener.close();
    };
    closed.addEventListener('abort', close);
    try {
      if (closed.aborted) close();
      await redis.subscribe(cancellationChannel(fleet.queues));
    } catch (error) {
      close();
      throw error;
    } finally {
      closed.removeEventListener('abort', close);
    }
    redis.on('ready', lookAgain);
    return listener;
  }

  /** Whether a job was cancelled lately; it may have been taken up again since. */
  has(id: string): boolean {
    return this.#recent.has(id);
  }

  /** Asks Redis for a sign of life: who only listens would not notice that the connection is dead. */
  check(): void {
    if (this.#redis.status === 'ready') this.#redis.ping().catch(() => undefined);
  }

  close(): void {
    closeRedis(this.#redis);
  }

  #remember(id: string): void {
    this.#recent.add(id);
    const [oldest] = this.#recent;
    if (this.#recent.size > remembered && oldest !== undefined) this.#recent.delete(oldest);
  }
}
