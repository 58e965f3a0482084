import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { cancelJob } from '../../src/fleet/cancellation.js';
import { parseFleetOptions } from '../../src/fleet/fleet-options.js';
import { createFleet, type Fleet, type FleetJob, type FleetOptions, startWorker } from '../../src/fleet/index.js';
import { parseJobId } from '../../src/fleet/job-id.js';
import { Queues } from '../../src/fleet/queues.js';
import type { RedisFleet } from '../../src/fleet/redis-fleet.js';
import { AbortError } from '../../src/index.js';
import { needing } from '../support/needing.js';
import { until } from '../support/until.js';
import { driverOf, vcenter } from './support/place.js';
import { RedisProxy } from './support/redis-proxy.js';
import { hasRedis, noRedis, RedisServer } from './support/redis-server.js';

const volume = { id: 'volume-1', size: 1 };

needing(hasRedis, noRedis).describe('the connections of a fleet', () => {
  let redis: RedisServer;
  let client: Redis;
  let proxy: RedisProxy;
  let name: string;
  const fleets: Fleet[] = [];
  beforeEach(async () => {
    redis = await RedisServer.start();
    client = new Redis(redis.url);
    client.on('error', () => undefined);
    proxy = await RedisProxy.start(redis.port);
    name = `test-${randomUUID()}`;
  });
  afterEach(async () => {
    await Promise.all(fleets.splice(0).map((fleet) => fleet.close()));
    client.disconnect();
    await proxy[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });

  function newFleet(options: Partial<FleetOptions> = {}): Fleet {
    const fleet = createFleet({ connection: proxy.url, name, lockMs: 5_000, ...options });
    fleets.push(fleet);
    return fleet;
  }

  /** A driver whose backups run until they are stopped. */
  function endless(begun: AbortSignal[]): ReturnType<typeof driverOf> {
    return driverOf(async (_backup, _volume, options) => {
      const signal = options!.signal!;
      begun.push(signal);
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new AbortError(signal)));
      });
    });
  }

  test('a Redis that falls silent holds up nobody: what is asked is refused, what runs is stopped, all can be closed', async () => {
    const fleet = newFleet();
    const begun: AbortSignal[] = [];
    const worker = await startWorker({ fleet, drivers: { [vcenter]: endless(begun) } });
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
    const watched = watch(fleet, id).catch((error: unknown) => error);
    await until(() => begun.length === 1);
    proxy.fallSilent();
    const asked = [
      fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'another' } }),
      fleet.job(id),
      newFleet().job(id),
    ];
    for (const one of await Promise.allSettled(asked)) {
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'STORE_FAILED', reason: 'connection' } });
    }
    await until(() => begun[0]!.aborted);
    await worker.close({ graceMs: 0 });
    expect(worker.running).toBe(0);
    await fleet.close();
    expect(await watched).toMatchObject({ code: 'STORE_FAILED' });
  });

  test('a Redis that is not there any more is not waited for when all is closed', async () => {
    let errors = 0;
    const logger = { debug: () => errors++ };
    const fleet = newFleet({ connection: redis.url, logger });
    const begun: AbortSignal[] = [];
    const worker = await startWorker({ fleet, drivers: { [vcenter]: endless(begun) } });
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
    const watched = watch(fleet, id).catch((error: unknown) => error);
    await until(() => begun.length === 1);
    await redis.stop();
    // Each connection has tried again, and waits before it does so once more.
    await until(() => errors > 20);
    await worker.close({ graceMs: 0 });
    await fleet.close();
    expect(await watched).toMatchObject({ code: 'STORE_FAILED' });
  });

  test.each(['connect', 'reconnecting'])(
    'what was asked of a connection that broke is refused as it is closed while it has status %s',
    async (status) => {
      const queues = new Queues(parseFleetOptions({ connection: proxy.url, name }));
      const patient = await queues.patientRedis();
      await patient.ping();
      proxy.fallSilent();
      const asked = patient.ping().catch((error: unknown) => error);
      if (status === 'reconnecting') await proxy[Symbol.asyncDispose]();
      else proxy.break();
      await until(() => patient.status === status);
      await queues.close();
      expect(await asked).toMatchObject({ message: 'Connection is closed.' });
    },
  );

  test('connections that Redis never answered hold up nobody, and are not left behind', async () => {
    const serving = newFleet();
    const asking = newFleet();
    const id = await asking.enqueue({ kind: 'recover', vcenter: 'another' });
    const worker = await startWorker({ fleet: serving, drivers: { [vcenter]: endless([]) } });
    // The worker's own connections are opened, and not answered yet.
    proxy.welcomeNobody();
    const before = proxy.open;
    const watched = watch(asking, id).catch((error: unknown) => error);
    await until(() => proxy.open > before);
    await worker.close({ graceMs: 0 });
    await serving.close();
    await asking.close();
    expect(await watched).toMatchObject({ code: 'STORE_FAILED' });
    await until(() => proxy.open === 0);
    // One that was only broken would be made anew by then.
    await pause(1_500);
    expect(proxy.open).toBe(0);
  });

  test('a fleet that is closed while its worker starts leaves nothing behind, also where Redis never answers it', async () => {
    const fleet = newFleet();
    await fleet.counts();
    proxy.welcomeNobody();
    const before = proxy.open;
    const starting = startWorker({ fleet, drivers: { [vcenter]: endless([]) } }).catch((error: unknown) => error);
    await until(() => proxy.open > before);
    await fleet.close();
    expect(await starting).toMatchObject({ code: 'STORE_FAILED', reason: 'connection' });
    await until(() => proxy.open === 0);
  });

  test('a fleet that is closed before Redis has answered what its worker told it starts none', async () => {
    const fleet = newFleet();
    const queue = await (fleet as RedisFleet).queues.queue(vcenter);
    let isTold = false;
    let answer = (): void => undefined;
    jest.spyOn(queue, 'setGlobalConcurrency').mockImplementation(async () => {
      isTold = true;
      await new Promise<void>((resolve) => (answer = resolve));
      return 1;
    });
    const starting = startWorker({ fleet, drivers: { [vcenter]: endless([]) } }).catch((error: unknown) => error);
    await until(() => isTold);
    const closing = fleet.close();
    answer();
    await closing;
    expect(await starting).toMatchObject({ code: 'STORE_FAILED', reason: 'connection' });
    await until(() => proxy.open === 0);
  });

  test('whoever watches a job of a fleet that is closed is told', async () => {
    const fleet = newFleet();
    const watched = watch(fleet, await fleet.enqueue({ kind: 'recover', vcenter }));
    await until(async () => String(await client.client('LIST')).includes('xread'));
    await fleet.close();
    await expect(watched).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });

  test('a primary that became a replica is left for the one that is primary now', async () => {
    await using other = await RedisServer.start();
    const next = new Redis(other.url);
    const fleet = newFleet({ lockMs: 30_000 });
    const begun: AbortSignal[] = [];
    await startWorker({ fleet, drivers: { [vcenter]: endless(begun) } });
    const first = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'first' } });
    await until(() => begun.length === 1);
    await next.replicaof('127.0.0.1', redis.port);
    await until(async () => (await next.info('replication')).includes('master_link_status:up'));
    proxy.target = other.port;
    await next.replicaof('NO', 'ONE');
    await client.replicaof('127.0.0.1', other.port);

    const second = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'second' } });
    await until(async () => (await fleet.job(second))?.state === 'running');
    expect(await next.exists(`${name}:${vcenter}:${second.split('~')[1]!}`)).toBe(1);
    for (const id of [first, second]) expect(await fleet.cancel(id)).toBe('told');
    next.disconnect();
  });

  test('a Redis that stays a replica is not asked in a hurry, and it is said once', async () => {
    let said = 0;
    const logger = { warn: () => said++ };
    const queues = new Queues(parseFleetOptions({ connection: proxy.url, name, logger }));
    const patient = await queues.patientRedis();
    await patient.ping();
    await client.replicaof('127.0.0.1', '1');
    const began = performance.now();
    const asked = patient.set(name, '').catch((error: unknown) => error);
    await until(() => proxy.taken > 3);
    expect(performance.now() - began).toBeGreaterThan(2_000);
    expect(said).toBe(1);
    await queues.close();
    expect(await asked).toBeInstanceOf(Error);
  });

  /** Cancels a job such that no worker is told. */
  async function cancelUnheard(id: string): Promise<void> {
    const elsewhere = new Queues(parseFleetOptions({ connection: redis.url, name }));
    jest.spyOn(await elsewhere.redis(), 'publish').mockResolvedValue(0);
    expect(await cancelJob(elsewhere, parseJobId(id))).toBe('told');
    await elsewhere.close();
  }

  test('a job that was cancelled while Redis was away is stopped, also where it is not found out at once', async () => {
    const fleet = newFleet({ lockMs: 30_000 });
    const { queues } = fleet as RedisFleet;
    const begun: AbortSignal[] = [];
    await startWorker({ fleet, drivers: { [vcenter]: endless(begun) } });
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
    await until(() => begun.length === 1);
    const look = jest.spyOn(queues, 'look').mockRejectedValueOnce(new Error('Command timed out'));
    await cancelUnheard(id);
    proxy.break();
    await until(() => begun[0]!.aborted);
    expect(begun[0]!.reason).toBe('cancelled');
    expect(look.mock.calls.length).toBeGreaterThan(1);
  });

  test('a job that is cancelled unheard is stopped, though no connection broke', async () => {
    const fleet = newFleet();
    const begun: AbortSignal[] = [];
    await startWorker({ fleet, drivers: { [vcenter]: endless(begun) } });
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
    await until(() => begun.length === 1);
    await cancelUnheard(id);
    await until(() => begun[0]!.aborted);
    expect(begun[0]!.reason).toBe('cancelled');
  });

  test('a Redis that was emptied is told again what there is, though no connection broke', async () => {
    const fleet = newFleet({ jobsPerVcenter: 3 });
    await startWorker({ fleet, drivers: { [vcenter]: endless([]) } });
    await client.flushall();
    await until(async () => (await client.hget(`${name}:${vcenter}:meta`, 'concurrency')) === '3');
    expect((await fleet.counts()).map((counts) => counts.vcenter)).toEqual([vcenter]);
  });

  test('a Redis that has lost all is told again which vCenters there are, and how many of their jobs may run', async () => {
    const serving = newFleet({ jobsPerVcenter: 3 });
    const asking = newFleet();
    await startWorker({ fleet: serving, drivers: { [vcenter]: endless([]) } });
    const order = { kind: 'recover', vcenter: 'another' } as const;
    await asking.enqueue(order);
    await redis.stop();
    await rm(join(redis.directory, 'appendonlydir'), { recursive: true });
    await redis.restart();
    await asking.enqueue(order);
    await until(async () => (await client.hget(`${name}:${vcenter}:meta`, 'concurrency')) === '3');
    expect((await asking.counts()).map((counts) => counts.vcenter).sort()).toEqual(['another', vcenter].sort());
  });
});

async function watch(fleet: Fleet, id: string): Promise<FleetJob | undefined> {
  let last: FleetJob | undefined;
  for await (const job of fleet.watch(id)) last = job;
  return last;
}
