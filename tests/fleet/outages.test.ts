import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { parseFleetOptions } from '../../src/fleet/fleet-options.js';
import { Heartbeats } from '../../src/fleet/heartbeats.js';
import { HostSlots } from '../../src/fleet/host-slots.js';
import { createFleet, type Fleet, type FleetJob, type FleetOptions, startWorker } from '../../src/fleet/index.js';
import { Queues } from '../../src/fleet/queues.js';
import { AbortError, InvalidInputError, type IsAlive } from '../../src/index.js';
import { needing } from '../support/needing.js';
import { until } from '../support/until.js';
import { driverOf, vcenter } from './support/place.js';
import { hasRedis, noRedis, RedisServer } from './support/redis-server.js';

const volume = { id: 'volume-1', size: 1 };
const lockMs = 5_000;

needing(hasRedis, noRedis).describe('a fleet whose Redis fails', () => {
  let redis: RedisServer;
  let client: Redis;
  let name: string;
  const fleets: Fleet[] = [];
  const endings: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    redis = await RedisServer.start();
    client = new Redis(redis.url);
    client.on('error', () => undefined);
    name = `test-${randomUUID()}`;
  });
  afterEach(async () => {
    await Promise.all(fleets.splice(0).map((fleet) => fleet.close()));
    for (const end of endings.splice(0)) await end();
    client.disconnect();
    await redis[Symbol.asyncDispose]();
  });

  /** Heartbeats of this process, as the owner "this". */
  async function beating() {
    const queues = new Queues(parseFleetOptions({ connection: redis.url, name, lockMs }));
    const heartbeats = new Heartbeats(queues);
    endings.push(async () => {
      await heartbeats.stop('this');
      await queues.close();
    });
    await heartbeats.start('this');
    return { queues, heartbeats, key: queues.key('workers') };
  }

  function newFleet(options: Partial<FleetOptions> = {}): Fleet {
    const fleet = createFleet({ connection: redis.url, name, lockMs, retryDelayMs: 50, attempts: 3, ...options });
    fleets.push(fleet);
    return fleet;
  }

  test('a job is stopped before its lock ends, and begun anew when Redis is back', async () => {
    const fleet = newFleet();
    const begun: AbortSignal[] = [];
    const driver = driverOf(async (_backup, _volume, options) => {
      const signal = options!.signal!;
      begun.push(signal);
      if (begun.length > 1) throw new InvalidInputError('volume', 'is only one of a test');
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new AbortError(signal)));
      });
    });
    const worker = await startWorker({ fleet, drivers: { [vcenter]: driver } });
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
    await until(() => begun.length === 1);
    await redis.stop();
    await until(() => begun[0]!.aborted);
    await redis.restart();
    await until(() => begun.length === 2);
    await until(async () => (await fleet.job(id))?.state === 'failed');
    expect(await fleet.job(id)).toMatchObject({ error: { code: 'INVALID_INPUT' } });
    await worker.close({ graceMs: 0 });
  });

  test('a job whose lock is not renewed is stopped before another worker begins it, also where only the clock was set back', async () => {
    const begun: AbortSignal[] = [];
    let isOverlap = false;
    const driver = driverOf(async (_backup, _volume, options) => {
      const signal = options!.signal!;
      begun.push(signal);
      if (begun.length > 1) {
        isOverlap ||= !begun[0]!.aborted;
        throw new InvalidInputError('volume', 'is only one of a test');
      }
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new AbortError(signal)));
      });
    });
    const [fleet, other] = [newFleet(), newFleet()];
    const drivers = { [vcenter]: driver };
    await using _worker = await startWorker({ fleet, drivers, concurrency: 1 });
    await using _another = await startWorker({ fleet: other, drivers, concurrency: 1 });
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
    await until(() => begun.length === 1);
    const now = Date.now.bind(Date);
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() - 10 * lockMs);
    await until(() => begun[0]!.aborted || begun.length > 1);
    clock.mockRestore();
    await until(async () => (await fleet.job(id))?.state === 'failed');
    expect(begun.length).toBe(2);
    expect(isOverlap).toBe(false);
    expect(begun[0]!.reason).toBe('lost');
  });

  test('a job goes on whose event loop was held for as long as its lock allows', async () => {
    const longLockMs = 20_000;
    const fleet = newFleet({ lockMs: longLockMs });
    const begun: AbortSignal[] = [];
    const driver = driverOf(async (_backup, _volume, options) => {
      const signal = options!.signal!;
      begun.push(signal);
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new AbortError(signal)));
      });
    });
    const worker = await startWorker({ fleet, drivers: { [vcenter]: driver } });
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
    await until(() => begun.length === 1);
    const isFresh = async (): Promise<boolean> =>
      (await client.pttl(`${name}:${vcenter}:${id.split('~')[1]!}:lock`)) > 0.95 * longLockMs;
    await until(async () => !(await isFresh()));
    await until(isFresh);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0.65 * longLockMs);
    await until(isFresh);
    const { aborted } = begun[0]!;
    await worker.close({ graceMs: 0 });
    expect(aborted).toBe(false);
  });

  test('a worker that is closed ends all the same', async () => {
    let isAway = false;
    const fleet = newFleet({ logger: { warn: () => (isAway = true) } });
    let running: AbortSignal | undefined;
    const driver = driverOf(async (_backup, _volume, options) => {
      const signal = (running = options!.signal!);
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new AbortError(signal)));
      });
    });
    const worker = await startWorker({ fleet, drivers: { [vcenter]: driver } });
    await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
    await until(() => running !== undefined);
    await redis.stop();
    await until(() => isAway);
    await worker.close({ graceMs: 10 });
    expect(running!.aborted).toBe(true);
  });

  test('a job that comes back while it is still ending here is not begun twice at once', async () => {
    const fleet = newFleet();
    const begun: (() => void)[] = [];
    const driver = driverOf(
      () =>
        new Promise((_resolve, reject) => {
          begun.push(() => reject(new InvalidInputError('volume', 'is only one of a test')));
        }),
    );
    await using _worker = await startWorker({ fleet, drivers: { [vcenter]: driver } });
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
    await until(() => begun.length === 1);
    await client.del(`${name}:${vcenter}:${id.split('~')[1]!}:lock`);
    const states = new Set<string>();
    await until(async () => {
      states.add((await fleet.job(id))!.state);
      return begun.length > 1 || states.has('delayed');
    });
    expect(begun.length).toBe(1);
    begun[0]!();
    await until(() => begun.length === 2);
    begun[1]!();
    await until(async () => (await fleet.job(id))!.state === 'failed');
  });

  test.each([
    ['and connections broke', true],
    ['and no connection broke', false],
  ])('whoever watches a job that Redis has lost is told: %s', async (_how, isRestarted) => {
    const fleet = newFleet();
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
    const seen: FleetJob[] = [];
    const watching = (async () => {
      for await (const job of fleet.watch(id)) seen.push(job);
    })();
    await until(() => seen.length > 0);
    await client.flushall();
    if (isRestarted) await redis.restart();
    await watching;
    expect(await fleet.job(id)).toBeUndefined();
  });

  test('who asks when Redis cannot be reached is told', async () => {
    const fleet = newFleet();
    await redis.stop();
    const asked: Parameters<IsAlive>[0] = { id: 'other', host: '', pid: 0, startedAt: '' };
    await expect(fleet.isAlive(asked)).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'connection' });
  });

  test('a transfer that Redis has forgotten is counted again', async () => {
    const slot = await newFleet().transferSlots(vcenter).take('host-1', { signal: new AbortController().signal });
    await client.flushall();
    await until(async () => (await client.keys('*')).length > 0);
    slot[Symbol.dispose]();
    await until(async () => (await client.keys('*')).length === 0);
  });

  describe('a slot whose answer is lost', () => {
    const key = () => `semaphore:${name}/slots/${vcenter}/host-1`;
    let queues: Queues;
    let slots: HostSlots;
    beforeEach(() => {
      queues = new Queues(parseFleetOptions({ connection: redis.url, name, lockMs, transfersPerHost: 1 }));
      slots = new HostSlots(queues, vcenter);
    });
    afterEach(async () => {
      await slots.settled();
      await queues.close();
    });

    /** Has Redis give the slot, and its answer be this. */
    async function answerOnce(answer: (asked: Redis['eval']) => Promise<unknown>): Promise<void> {
      const connection = await queues.redis();
      const ask = connection.eval.bind(connection);
      jest.spyOn(connection, 'evalsha').mockRejectedValue(new Error('NOSCRIPT'));
      jest.spyOn(connection, 'eval').mockImplementationOnce(async (...args: Parameters<Redis['eval']>) => {
        await ask(...args);
        return answer(() => ask(...args));
      });
    }

    test('is given back', async () => {
      await answerOnce(() => Promise.reject(new Error('Connection is closed.')));
      const { signal } = new AbortController();
      await expect(slots.take('host-1', { signal })).rejects.toMatchObject({ code: 'STORE_FAILED' });
      await slots.settled();
      expect(await client.zcard(key())).toBe(0);
    });

    test('does not stand against the one that asks again', async () => {
      await answerOnce((ask) => (ask as () => Promise<unknown>)());
      const slot = await slots.take('host-1', { signal: new AbortController().signal });
      expect(await client.zcard(key())).toBe(1);
      slot[Symbol.dispose]();
    });
  });

  test('a heartbeat that is under way as it is stopped does not make the worker a dead one', async () => {
    const { queues, heartbeats, key } = await beating();
    const connection = await queues.redis();
    const time = connection.time.bind(connection);
    let isBeating = false;
    let goOn = (): void => undefined;
    jest.spyOn(connection, 'time').mockImplementation(async () => {
      isBeating = true;
      await new Promise<void>((resolve) => (goOn = resolve));
      return time();
    });
    await until(() => isBeating);
    const stopping = heartbeats.stop('this');
    await connection.ping();
    goOn();
    await stopping;
    // What the beat had still to say has been said.
    for (let n = 0; n < 3; n++) await connection.ping();
    expect(await client.zscore(key, 'this')).toBeNull();
  });

  test.each(['before it is told a sign of life', 'while it is told one'])(
    'nobody is dead by a Redis that has gone back in time %s',
    async (when) => {
      const { queues, heartbeats, key } = await beating();
      const other: Parameters<IsAlive>[0] = { id: 'other', host: '', pid: 0, startedAt: '' };
      await client.zadd(key, Date.now() - 3_600_000, 'other');
      expect(await heartbeats.isAlive(other)).toBeUndefined();
      await until(async () => (await heartbeats.isAlive(other)) === false);
      const goBack = () => client.zadd(key, Date.now() - 3_600_000, 'this');
      if (when.startsWith('before')) await goBack();
      else {
        const connection = await queues.redis();
        const time = connection.time.bind(connection);
        // The first is to know how long the other has been silent.
        jest
          .spyOn(connection, 'time')
          .mockImplementationOnce(time)
          .mockImplementationOnce(async () => {
            const now = await time();
            await goBack();
            return now;
          });
      }
      expect(await heartbeats.isAlive(other)).toBeUndefined();
    },
  );

  test('the password that it refuses is neither logged nor in the error', async () => {
    await client.config('SET', 'requirepass', 'right');
    const said: object[] = [];
    const say = (fields: object): number => said.push(fields);
    const fleet = newFleet({
      connection: redis.url.replace('//', '//:not-the-password@'),
      logger: { debug: say, info: say, warn: say, error: say },
    });
    const error: unknown = await fleet.counts().catch((refused: unknown) => refused);
    expect(error).toMatchObject({ code: 'STORE_FAILED' });
    expect(said.length).toBeGreaterThan(0);
    expect(inspect([said, error], { depth: Infinity })).not.toContain('not-the-password');
  });
});
