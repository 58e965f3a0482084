import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { cancelJob } from '../../src/fleet/cancellation.js';
import { parseFleetOptions } from '../../src/fleet/fleet-options.js';
import {
  createFleet,
  createMetrics,
  type Fleet,
  type FleetDriver,
  type FleetJob,
  type FleetWorker,
  type JobOrder,
  serveMetrics,
  startWorker,
} from '../../src/fleet/index.js';
import { parseJobId } from '../../src/fleet/job-id.js';
import { Queues } from '../../src/fleet/queues.js';
import type { RedisFleet } from '../../src/fleet/redis-fleet.js';
import { AbortError, InvalidInputError, StoreError, type Volume, VolumeBusyError } from '../../src/index.js';
import type { Lab } from '../driver/support/lab.js';
import { needing } from '../support/needing.js';
import { until } from '../support/until.js';
import { closePlace, driverOf, openPlace, vcenter } from './support/place.js';
import { hasRedis, noRedis, type RedisServer } from './support/redis-server.js';

needing(hasRedis, noRedis).describe('a fleet', () => {
  let redis: RedisServer;
  let lab: Lab;
  let fleet: Fleet;
  let volume: Volume;
  let fleetName: string;
  let client: Redis;
  const workers: FleetWorker[] = [];

  beforeAll(async () => {
    ({ redis, lab, volume } = await openPlace());
    client = new Redis(redis.url);
  });
  afterAll(async () => {
    client.disconnect();
    await closePlace({ redis, lab });
  });
  beforeEach(() => {
    fleetName = `test-${randomUUID()}`;
    fleet = createFleet({ connection: redis.url, name: fleetName, retryDelayMs: 50, attempts: 3, lockMs: 20_000 });
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close({ graceMs: 0 })));
    await fleet.close();
  });

  async function work(driver: FleetDriver = lab.driver): Promise<void> {
    workers.push(await startWorker({ fleet, drivers: { [vcenter]: driver } }));
  }

  /** A key of the queue's, or of a job's. */
  function keyOf(id: string): string {
    return `${fleetName}:${vcenter}:${id.split('~').at(-1)!}`;
  }

  /** A driver whose backups run until they are stopped, and then fail with this. */
  function failingWhenStopped(begun: AbortSignal[], failure: (signal: AbortSignal) => Error): FleetDriver {
    return driverOf(async (_backup, _volume, options) => {
      const signal = options!.signal!;
      begun.push(signal);
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(failure(signal)));
      });
    });
  }

  async function begin(watching: AsyncIterable<FleetJob>): Promise<unknown> {
    return watching[Symbol.asyncIterator]().next();
  }

  /** Waits for a job's end. */
  async function end(id: string): Promise<FleetJob> {
    let last: FleetJob | undefined;
    for await (const job of fleet.watch(id)) last = job;
    return last!;
  }

  test('backs up, verifies, restores and recovers, and tells what each came to', async () => {
    await work();
    const backup = { id: randomUUID(), volumeId: volume.id };
    const content = await lab.contentOf(volume);
    const stored = await end(await fleet.enqueue({ kind: 'backup', vcenter, volume, backup }));
    expect(stored).toMatchObject({ state: 'done', result: { formatVersion: 1, backupId: backup.id } });
    const verified = await end(await fleet.enqueue({ kind: 'verify', vcenter, backup }));
    expect(verified).toMatchObject({ state: 'done', result: { comparedWithManifest: true } });
    await lab.simulator.writeDisk(lab.diskOf(volume).path, Buffer.alloc(1024 * 1024, 'changed'));
    const restored = await end(await fleet.enqueue({ kind: 'restore', vcenter, volume, backup }));
    expect(restored).toMatchObject({ state: 'done', result: { created: false, cleanup: 'done' } });
    expect(await lab.contentOf(volume)).toBe(content);
    const recovered = await end(await fleet.enqueue({ kind: 'recover', vcenter }));
    expect(recovered).toMatchObject({ state: 'done', result: { restores: [] } });
    expect(await fleet.lastBackups()).toMatchObject([{ vcenter, volumeId: volume.id }]);
    await lab.expectNothingLeft();
  });

  test('a restore that a living worker had to give up is ended by the next try', async () => {
    const backup = { id: randomUUID(), volumeId: volume.id };
    await work({
      ownerId: lab.driver.ownerId,
      backupVolume: (...args) => lab.driver.backupVolume(...args),
      verifyBackup: (...args) => lab.driver.verifyBackup(...args),
      recover: (...args) => lab.driver.recover(...args),
      async restoreBackup(...args) {
        tries++;
        try {
          return await lab.driver.restoreBackup(...args);
        } finally {
          stop();
        }
      },
    });
    let tries = 0;
    let isAway = false;
    let stop = (): void => undefined;
    await end(await fleet.enqueue({ kind: 'backup', vcenter, volume, backup }));
    stop = lab.simulator.onCall(({ phase, call }) => {
      isAway ||= call.method === 'ReconfigVM_Task';
      if (phase === 'before' && isAway) throw new Error('vCenter is away');
    });
    const restored = await end(await fleet.enqueue({ kind: 'restore', vcenter, volume, backup }));
    expect(restored).toMatchObject({ state: 'done', result: { cleanup: 'done' } });
    expect(tries).toBeGreaterThan(1);
    await lab.expectNothingLeft();
  });

  test('a job whose workers died again and again fails, and is taken up again when asked for', async () => {
    const id = await fleet.enqueue({ kind: 'recover', vcenter });
    await client.hset(keyOf(id), 'stc', 25);
    // A worker that has begun it, and is not heard any more.
    await client.multi().del(keyOf('wait')).rpush(keyOf('active'), id.split('~')[1]!).exec();
    const metrics = await createMetrics({ fleet });
    workers.push(await startWorker({ fleet, drivers: { [vcenter]: lab.driver }, metrics }));
    expect(await end(id)).toMatchObject({ state: 'failed', error: { code: 'STALLED', retryable: false } });
    expect(await metrics.text()).toContain(`code="STALLED"} 1`);
    expect(await fleet.retry(id)).toBe(true);
    expect(await end(id)).toMatchObject({ state: 'done' });
  });

  test('twice the same is one job, and a restore of the same backup is another', async () => {
    const backup = { id: randomUUID(), volumeId: volume.id };
    const order = { kind: 'backup', vcenter, volume, backup } as const;
    const id = await fleet.enqueue(order);
    expect(await fleet.enqueue(order)).toBe(id);
    const others = [
      await fleet.enqueue({ kind: 'restore', vcenter, volume, backup }),
      await fleet.enqueue({ ...order, backup: { id: randomUUID() } }),
      await fleet.enqueue({ ...order, requestId: 'again: 1' }),
    ];
    expect(new Set([id, ...others]).size).toBe(4);
    expect(await fleet.counts()).toMatchObject([{ vcenter, waiting: 4 }]);
    await work();
    for (const one of [id, ...others]) await end(one);
    expect(await fleet.enqueue(order)).toBe(id);
    expect(await fleet.counts()).toMatchObject([{ waiting: 0 }]);
  });

  test('what is urgent goes first', async () => {
    const order: string[] = [];
    const orders = [30, 10, 20].map((priority) => ({ priority, backup: { id: `priority-${priority.toString()}` } }));
    for (const each of orders) await fleet.enqueue({ kind: 'backup', vcenter, volume, ...each });
    workers.push(
      await startWorker({
        fleet,
        concurrency: 1,
        drivers: {
          [vcenter]: driverOf(async (backup) => {
            order.push(backup.id);
            throw new InvalidInputError('volume', 'is only one of a test');
          }),
        },
      }),
    );
    await until(() => order.length === 3);
    expect(order).toEqual(['priority-10', 'priority-20', 'priority-30']);
  });

  test('only what is retryable is tried again; the dead letter has the error', async () => {
    const tries = new Map<string, number>();
    await work(
      driverOf(async ({ id }) => {
        tries.set(id, (tries.get(id) ?? 0) + 1);
        throw id === 'busy' ? new VolumeBusyError('somebody is at it', { retryable: true }) : new RangeError('broken');
      }),
    );
    const busy = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'busy' } });
    const broken = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'broken' } });
    expect(await end(busy)).toMatchObject({
      state: 'failed',
      attempts: 3,
      error: { code: 'VOLUME_BUSY', message: 'somebody is at it', retryable: true, cleanup: 'done' },
    });
    expect(await end(broken)).toMatchObject({
      state: 'failed',
      attempts: 1,
      error: { code: 'FAILED', message: 'broken' },
    });
    expect(Object.fromEntries(tries)).toEqual({ busy: 3, broken: 1 });
    const dead: string[] = [];
    for await (const job of fleet.jobs({ states: ['failed'] })) dead.push(job.id);
    expect(dead.sort()).toEqual([broken, busy].sort());

    expect(await fleet.retry(broken)).toBe(true);
    await end(broken);
    expect(tries.get('broken')).toBe(2);
  });

  test.each(['retry', 'removal'])('a %s whose answer was lost, and that is asked for again, was done', async (what) => {
    const { queues } = fleet as RedisFleet;
    const twice =
      <Args extends unknown[], R>(ask: (...args: Args) => Promise<R>) =>
      async (...args: Args): Promise<R> => {
        await ask(...args);
        return ask(...args);
      };
    if (what === 'removal') {
      const id = await fleet.enqueue({ kind: 'recover', vcenter, cron: { pattern: '0 2 * * *' } });
      const queue = await queues.queue(vcenter);
      queue.removeJobScheduler = twice(queue.removeJobScheduler.bind(queue));
      expect(await fleet.cancel(id)).toBe('removed');
      return;
    }
    const id = await fleet.enqueue({ kind: 'recover', vcenter });
    const { queueId } = parseJobId(id);
    await client.multi().del(keyOf('wait')).zadd(keyOf('failed'), Date.now(), queueId).exec();
    await client.hset(keyOf(id), 'failedReason', '{}');
    const find = queues.find.bind(queues);
    jest.spyOn(queues, 'find').mockImplementation(async (address) => {
      const job = await find(address);
      job!.retry = twice(job!.retry.bind(job!));
      return job;
    });
    expect(await fleet.retry(id)).toBe(true);
    expect(await fleet.job(id)).toMatchObject({ state: 'waiting' });
    expect(await fleet.retry(id)).toBe(false);
  });

  test('cancel stops a job that another process would run, and one that waits', async () => {
    const begun: string[] = [];
    const slow = driverOf(async ({ id }, _volume, options) => {
      begun.push(id);
      return new Promise((_resolve, reject) => {
        const signal = options!.signal!;
        signal.addEventListener('abort', () => reject(new AbortError(signal)));
      });
    });
    workers.push(await startWorker({ fleet, drivers: { [vcenter]: slow }, concurrency: 1 }));
    const running = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'running' } });
    const waiting = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'waiting' } });
    await until(() => begun.length === 1);
    await using elsewhere = createFleet({ connection: redis.url, name: fleetName });
    expect(await elsewhere.cancel(waiting)).toBe('removed');
    expect(await elsewhere.cancel(running)).toBe('told');
    expect(await end(running)).toMatchObject({ state: 'cancelled', error: { code: 'ABORTED' }, attempts: 1 });
    expect(await elsewhere.cancel(running)).toBe('ended');
    expect(await elsewhere.job(waiting)).toBeUndefined();
    expect(await elsewhere.cancel(waiting)).toBe('unknown');
    expect(begun).toEqual(['running']);
  });

  test('a job that fails as it is cancelled is not tried again, though its error would have it', async () => {
    const begun: AbortSignal[] = [];
    await work(failingWhenStopped(begun, () => new StoreError('unavailable', 'somebody is at it')));
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
    await until(() => begun.length === 1);
    expect(await fleet.cancel(id)).toBe('told');
    expect(await end(id)).toMatchObject({ state: 'cancelled', attempts: 1, error: { code: 'ABORTED' } });
  });

  test('cancel stops a job also where it was taken from its worker, who does not know it yet', async () => {
    const begun: AbortSignal[] = [];
    const stopped = failingWhenStopped(begun, (signal) => new AbortError(signal));
    workers.push(await startWorker({ fleet, drivers: { [vcenter]: stopped }, concurrency: 1 }));
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
    await until(() => begun.length === 1);
    const queueId = id.split('~')[1]!;
    await client
      .multi()
      .lrem(keyOf('active'), 0, queueId)
      .del(`${keyOf(id)}:lock`)
      .rpush(keyOf('wait'), queueId)
      .exec();
    // Its worker may take it up again before it can be removed.
    expect(['removed', 'told']).toContain(await fleet.cancel(id));
    await until(() => begun[0]!.aborted);
    expect(begun[0]!.reason).toBe('cancelled');
  });

  test('cancel removes a job whose worker gives it up for now before he can be told', async () => {
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
    const queueId = id.split('~')[1]!;
    await client.multi().del(keyOf('wait')).rpush(keyOf('active'), queueId).exec();
    const queues = new Queues(parseFleetOptions({ connection: redis.url, name: fleetName }));
    jest.spyOn(await queues.redis(), 'publish').mockImplementation(async () => {
      await client
        .multi()
        .del(keyOf('active'))
        .zadd(keyOf('delayed'), Date.now() * 2, queueId)
        .exec();
      return 0;
    });
    expect(await cancelJob(queues, parseJobId(id))).toBe('removed');
    expect(await fleet.job(id)).toBeUndefined();
    await queues.close();
  });

  test('cancel says of a job that ends meanwhile that it has ended', async () => {
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
    const queueId = id.split('~')[1]!;
    const queues = new Queues(parseFleetOptions({ connection: redis.url, name: fleetName }));
    jest.spyOn(await queues.redis(), 'publish').mockImplementation(async () => {
      await client.multi().del(keyOf('wait')).zadd(keyOf('completed'), Date.now(), queueId).exec();
      return 0;
    });
    expect(await cancelJob(queues, parseJobId(id))).toBe('ended');
    await queues.close();
  });

  test('that what is in the way could not be ended does not end what is tried again', async () => {
    await work({
      ...driverOf(() => Promise.reject(new VolumeBusyError('somebody is at it', { retryable: true }))),
      recover: () => Promise.reject(new StoreError('denied', 'it may not look')),
    });
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
    expect(await end(id)).toMatchObject({ state: 'failed', attempts: 3, error: { code: 'VOLUME_BUSY' } });
  });

  test('a job of a later version does not hide the others', async () => {
    await work();
    const ids: string[] = [];
    for (const id of ['later', 'ours'])
      ids.push(await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id } }));
    for (const id of ids) await end(id);
    await client.hset(keyOf(ids[0]!), 'returnvalue', JSON.stringify({ formatVersion: 2 }));
    const listed: string[] = [];
    for await (const job of fleet.jobs()) listed.push(job.id);
    expect(listed).toEqual([ids[1]]);
  });

  test.each(['redis://:pa/ss@host', 'redis://:pa#ss@host', 'rediss://:pa?ss@host:port', 'http://:pa-ss@host'])(
    'refuses the URL %s, and does not repeat the password in it',
    (connection) => {
      const create = (): unknown => createFleet({ connection });
      expect(create).toThrow(InvalidInputError);
      try {
        create();
      } catch (error) {
        expect(error).toMatchObject({ field: 'options.connection' });
        expect(inspect(error, { depth: Infinity }).replaceAll(/^ +at .*$/gm, '')).not.toContain('pa');
      }
    },
  );

  test('a worker that is closed hands back what takes too long, and nothing is left', async () => {
    const stall = lab.simulator.injectTransferFault({ direction: 'export', kind: 'stall', atByte: 1000 });
    await work();
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: randomUUID() } });
    await until(() => stall.fired);
    await workers.pop()!.close({ graceMs: 10 });
    expect(await fleet.job(id)).toMatchObject({ state: 'waiting', attempts: 0 });
    await lab.expectNothingLeft();
    lab.simulator.clearFaults();
    await work();
    expect(await end(id)).toMatchObject({ state: 'done' });
  });

  test('one that is stopped does not wait for the recovery that it began', async () => {
    let endRecovery = (): void => undefined;
    await work({
      ...driverOf(() => Promise.reject(new VolumeBusyError('somebody is at it', { retryable: true }))),
      recover: () =>
        new Promise((resolve) => {
          endRecovery = () => resolve({ restores: [], temporaryFiles: [] });
          isRecovering = true;
        }),
    });
    let isRecovering = false;
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
    await until(() => isRecovering);
    expect(await fleet.cancel(id)).toBe('told');
    expect(await end(id)).toMatchObject({ state: 'cancelled' });
    endRecovery();
  });

  test('has one worker in a process, which ends with it', async () => {
    await work();
    await expect(work()).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'options.fleet' });
    await fleet.close();
    expect(workers.pop()?.running).toBe(0);
    await using again = createFleet({ connection: redis.url, name: fleetName });
    const id = await again.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'nobody-does-it' } });
    expect(await again.job(id)).toMatchObject({ state: 'waiting' });
  });

  test.each([
    [
      'a driver without an owner',
      () => startWorker({ fleet, drivers: { [vcenter]: driverOf(() => Promise.reject(new Error()), 7 as never) } }),
    ],
    [
      'a grace that is none',
      async () => (await startWorker({ fleet, drivers: { [vcenter]: lab.driver } })).close({ graceMs: -1 }),
    ],
    ['an order that is none', () => fleet.enqueue(null as never)],
    ['a priority that there is not', () => fleet.enqueue({ kind: 'recover', vcenter, priority: 2 ** 21 })],
    ['options of a watch that are none', () => begin(fleet.watch(`${vcenter}~recover-1`, null as never))],
    ['a signal that is none', () => begin(fleet.watch(`${vcenter}~recover-1`, { signal: 5 as never }))],
    ['metrics of nothing', () => createMetrics({ fleet: null as never })],
    ['metrics without options', () => createMetrics(undefined as never)],
    ['to serve what are no metrics', () => serveMetrics({ metrics: {} as never, port: 0 })],
  ])('refuses %s', async (_what, start) => {
    await expect(start()).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('transfers of several workers with one host are counted together', async () => {
    const fleets = [1, 2].map(() => createFleet({ connection: redis.url, name: fleetName, transfersPerHost: 1 }));
    const [one, other] = fleets.map((each) => each.transferSlots(vcenter));
    const { signal } = new AbortController();
    const slot = await one!.take('host-1', { signal });
    const elsewhere = await other!.take('host-2', { signal });
    let isTaken = false;
    const second = other!.take('host-1', { signal }).then((taken) => {
      isTaken = true;
      return taken;
    });
    const given = new AbortController();
    const third = other!.take('host-1', { signal: given.signal });
    given.abort();
    await expect(third).rejects.toThrow();
    expect(isTaken).toBe(false);
    slot[Symbol.dispose]();
    (await second)[Symbol.dispose]();
    elsewhere[Symbol.dispose]();
    await Promise.all(fleets.map((each) => each.close()));
  });

  test('a schedule makes a backup each time, and ends by cancel', async () => {
    const made: string[] = [];
    await work(
      driverOf(async ({ id }) => {
        made.push(id);
        throw new InvalidInputError('volume', 'is only one of a test');
      }),
    );
    const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, cron: { pattern: '* * * * * *' } });
    expect(await fleet.enqueue({ kind: 'backup', vcenter, volume, cron: { pattern: '* * * * * *' } })).toBe(id);
    await until(() => made.length >= 2);
    // A job with the same request is another.
    const once = { kind: 'backup', vcenter, volume, backup: { id: 'once' }, requestId: 'nightly' } as const;
    const { backup: _own, ...each } = once;
    const nightly = await fleet.enqueue({ ...each, cron: { pattern: '0 2 * * *' } });
    expect(await fleet.enqueue(once)).not.toBe(nightly);
    expect(await fleet.cancel(nightly)).toBe('removed');
    // Whoever does its run would be told.
    await workers.pop()!.close();
    expect(await fleet.cancel(id)).toBe('removed');
    expect(new Set(made).size).toBe(made.length);
    expect(made[0]).toMatch(new RegExp(`^${volume.id}-\\d{8}T\\d{6}Z$`));
  });

  test.each([
    ['a vCenter that is none', { kind: 'recover', vcenter: 'a:b' }, 'order.vcenter'],
    ['a kind there is not', { kind: 'destroy', vcenter }, 'order.kind'],
    ['a password', { kind: 'recover', vcenter, password: 'secret' }, 'order.password'],
    ['a backup without an id', { kind: 'backup', vcenter, volume: { id: 'v', size: 1 } }, 'order.backup'],
    [
      'a schedule that would replace one backup again and again',
      { kind: 'backup', vcenter, volume: { id: 'v', size: 1 }, backup: { id: 'b' }, cron: { pattern: '0 2 * * *' } },
      'order.backup',
    ],
    ['a pattern that is none', { kind: 'recover', vcenter, cron: { pattern: 'often' } }, 'order.cron'],
  ])('refuses %s', async (_what, order, field) => {
    await expect(fleet.enqueue(order as unknown as JobOrder)).rejects.toMatchObject({ code: 'INVALID_INPUT', field });
  });

  test('nothing that a volume of the application has besides goes to Redis', async () => {
    const id = await fleet.enqueue({
      kind: 'backup',
      vcenter,
      volume: { ...volume, password: 'secret' },
      backup: { id: 'with-more' },
    });
    const stored = await client.hgetall(keyOf(id));
    expect(stored['data']).toContain(volume.id);
    expect(JSON.stringify(stored)).not.toContain('secret');
  });

  test('that a worker lives does not say that it still runs a restore, and nobody else is known to be dead', async () => {
    await work();
    const asked = { host: '', pid: 0, startedAt: new Date().toISOString() };
    expect(await fleet.isAlive({ ...asked, id: lab.driver.ownerId })).toBeUndefined();
    expect(await fleet.isAlive({ ...asked, id: 'somebody else' })).toBeUndefined();
  });
});
