import type { RedisConnection as BullConnection } from 'bullmq';
import type { Redis, RedisOptions } from 'ioredis';
import * as z from 'zod';
import type { Logger } from '../index.js';
import type { Peers } from './peers.js';

/** Where Redis is. */
export interface RedisConnection {
  /** Default `127.0.0.1`. */
  readonly host?: string | undefined;
  /** Default 6379. */
  readonly port?: number | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** The database's number. Default 0. */
  readonly db?: number | undefined;
  /** Whom to trust and, where asked for, who we are; PEM. Default: no TLS; `{}` is TLS by the system's authorities. */
  readonly tls?: RedisTls | undefined;
}

/** TLS to Redis. */
export interface RedisTls {
  readonly ca?: string | readonly string[] | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The name in the server's certificate. Default: the host's. */
  readonly servername?: string | undefined;
}

const tlsSchema = z.strictObject({
  ca: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).readonly()]).optional(),
  cert: z.string().min(1).optional(),
  key: z.string().min(1).optional(),
  servername: z.string().min(1).optional(),
});

export const connectionSchema = z.union([
  z
    .string()
    // One that cannot be read is refused here: the client's own error would repeat it, with the password in it.
    .refine((url) => /^rediss?:\/\//.test(url) && URL.canParse(url), 'is not a URL such as redis://redis.example:6379'),
  z.strictObject({
    host: z.string().min(1).optional(),
    port: z.int().min(1).max(65_535).optional(),
    username: z.string().min(1).optional(),
    password: z.string().min(1).optional(),
    db: z.int().nonnegative().optional(),
    tls: tlsSchema.optional(),
  }),
]);

/** What is used of the client's options; how replies are mapped is its own default. */
type Options = Omit<RedisOptions, 'replyMapping'>;

/**
 * How long a command waits for Redis to come back: that of an application, which is to be told, for some 10 s; a worker's, for
 * as long as it takes.
 */
export type Patience = 'application' | 'worker';

/** How long an application waits for the end of a command, in milliseconds. */
const commandMs = 10_000;

/**
 * How long Redis may say nothing while it is asked something, in milliseconds: then the connection is taken for dead, and made anew. What
 * waits for jobs and events is answered every 10 s.
 */
const silenceMs = 30_000;

/** How often it is said that Redis takes nothing, and how long it is left alone before it is asked again, in milliseconds. */
const sayReadOnlyMs = 60_000;
const readOnlyPauseMs = 1_000;

/** Opens a connection; it connects, and connects again, by itself. */
export function openRedis(
  { ioredis }: Peers,
  connection: z.infer<typeof connectionSchema>,
  patience: Patience,
  logger: Logger,
): Redis {
  let refusedAt = -Infinity;
  let saidAt = -Infinity;
  // The pause before each attempt is ours: those of ioredis 6 add up to more than a minute.
  const options: Options = {
    maxRetriesPerRequest: patience === 'worker' ? null : 20,
    // Each new connection would begin with the shortest pause, though it is refused as the last one was.
    retryStrategy: (times) =>
      performance.now() - refusedAt < 2 * readOnlyPauseMs ? readOnlyPauseMs : Math.min(50 * times, 1_000),
    socketTimeout: silenceMs,
    ...(patience === 'application' && { commandTimeout: commandMs }),
    // A primary that became a replica keeps its connections and refuses what is written: a new one finds who is primary now.
    reconnectOnError: (error) => {
      if (!error.message.includes('READONLY')) return false;
      refusedAt = performance.now();
      if (refusedAt - saidAt >= sayReadOnlyMs) {
        logger.warn({ err: error }, 'Redis is a replica and takes nothing; it is tried again on a new connection');
        saidAt = refusedAt;
      }
      return 2;
    },
  };
  const redis =
    typeof connection === 'string'
      ? new ioredis.Redis(connection, options)
      : new ioredis.Redis({ ...withoutAbsent(connection), ...options });
  let isAway = false;
  redis.on('error', (error) => {
    // It is tried again and again: said once.
    if (!isAway) logger.warn({ err: error }, 'Redis cannot be reached; it is tried again');
    isAway = true;
  });
  redis.on('ready', () => {
    isAway = false;
  });
  return redis;
}

/** What is closed of a client: ioredis' own, or what BullMQ makes of it. */
interface Closable {
  readonly status: string;
  /** What was asked of a connection that broke, for the next one to ask again. */
  readonly prevCommandQueue?: Unanswered | null | undefined;
  connect(): Promise<unknown>;
  disconnect(): void;
  once(event: 'end', listener: () => void): unknown;
}

interface Unanswered {
  shift(): { readonly command: { reject(error: Error): void } } | undefined;
}

/**
 * Closes a connection for good, whatever it is doing; what waits on it is rejected. One that waits before it connects again would only
 * lose its timer and tell nobody: it begins to connect, and is stopped in that.
 */
export function closeRedis(redis: Closable): void {
  if (redis.status === 'end') refuseUnanswered(redis);
  redis.once('end', () => {
    refuseUnanswered(redis);
  });
  redis.disconnect();
  if (redis.status !== 'reconnecting') return;
  redis.connect().catch(() => undefined);
  redis.disconnect();
}

/** Where there is no next connection, ioredis forgets it, and whoever asked waits for ever. */
function refuseUnanswered({ prevCommandQueue }: Closable): void {
  for (let item = prevCommandQueue?.shift(); item !== undefined; item = prevCommandQueue?.shift()) {
    item.command.reject(new Error('Connection is closed.'));
  }
}

/** Closes a connection of BullMQ's. It gives its client only once Redis has answered, which may be never. */
export function closeOpened(connection: BullConnection | undefined): void {
  if (connection !== undefined) closeRedis(Reflect.get(connection, '_client') as Closable);
}

/** ioredis takes a key that is there with `undefined` for an answer. */
function withoutAbsent({ tls, ...rest }: Exclude<z.infer<typeof connectionSchema>, string>): Options {
  const present = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  if (tls === undefined) return present;
  const { ca, ...others } = tls;
  return { ...present, tls: { ...others, ...(ca !== undefined && { ca: typeof ca === 'string' ? ca : [...ca] }) } };
}
