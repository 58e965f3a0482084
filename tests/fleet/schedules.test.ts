import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { parseFleetOptions } from '../../src/fleet/fleet-options.js';
import { createFleet, type Fleet, type FleetJob, type JobOrder, startWorker } from '../../src/fleet/index.js';
import { parseJobId } from '../../src/fleet/job-id.js';
import { Queues } from '../../src/fleet/queues.js';
import { InvalidInputError, StoreError } from '../../src/index.js';
import { needing } from '../support/needing.js';
import { until } from '../support/until.js';
import { driverOf, vcenter } from './support/place.js';
import { hasRedis, noRedis, RedisServer } from './support/redis-server.js';

const volume = { id: 'volume-1', size: 1 };
const nightly = { kind: 'backup', vcenter, volume, requestId: 'nightly', cron: { pattern: '0 2 * * *' } } as const;
const sweep = { kind: 'retention', vcenter, policy: { daily: 7 }, cron: { pattern: '0 2 * * *' } } as const;
const dueMs = Date.UTC(2026, 0, 1, 2);
const due = 'volume-1-20260101T020000Z';

needing(hasRedis, noRedis).describe('schedules of a fleet', () => {
  let redis: RedisServer;
  let fleet: Fleet;
  let queues: Queues;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis[Symbol.asyncDispose]());
  beforeEach(() => {
    const options = { connection: redis.url, name: `test-${randomUUID()}`, retryDelayMs: 3_600_000 };
    fleet = createFleet(options);
    queues = new Queues(parseFleetOptions(options));
  });
  afterEach(async () => {
    await fleet.close();
    await queues.close();
  });

  /** Sets a schedule a minute before its first run is due, which is long ago. */
  async function enqueueLongAgo(order: JobOrder): Promise<string> {
    const clock = jest.spyOn(Date, 'now').mockReturnValue(dueMs - 60_000);
    try {
      return await fleet.enqueue(order);
    } finally {
      clock.mockRestore();
    }
  }

  /** What a worker does that looks for jobs and has no slot for one more. */
  async function promoteRun(id: string): Promise<void> {
    const address = parseJobId(id);
    const run = await queues.find({ ...address, queueId: `repeat:${address.queueId}:${dueMs}` });
    await run!.promote();
  }

  async function jobs(): Promise<FleetJob[]> {
    const found: FleetJob[] = [];
    for await (const job of fleet.jobs()) found.push(job);
    return found;
  }

  describe.each(['is delayed', 'waits'])('a run that is due and %s', (where) => {
    test.each<[string, Partial<JobOrder>]>([
      ['the same', {}],
      ['a later time', { cron: { pattern: '0 3 * * *' } }],
      ['another time zone', { cron: { pattern: '0 2 * * *', timezone: 'Europe/Berlin' } }],
      ['another priority', { priority: 3 }],
      ['a volume that has grown', { volume: { ...volume, size: 2 } }],
    ])('is done once where its schedule is set again to %s, and the schedule goes on', async (_what, change) => {
      const id = await enqueueLongAgo(nightly);
      if (where === 'waits') await promoteRun(id);
      const order = { ...nightly, ...change } as JobOrder;
      for (let n = 0; n < 2; n++) expect(await fleet.enqueue(order)).toBe(id);
      const made: [string, unknown][] = [];
      const driver = driverOf((backup, ofVolume) => {
        made.push([backup.id, ofVolume]);
        return Promise.reject(new InvalidInputError('volume', 'is only one of a test'));
      });
      await using _worker = await startWorker({ fleet, drivers: { [vcenter]: driver } });
      await until(async () => (await jobs()).some(({ state }) => state === 'failed'));
      expect(made).toEqual([[due, 'volume' in order ? order.volume : undefined]]);
      await until(async () => (await jobs()).some(({ state }) => state === 'delayed'));
      expect((await jobs()).map(({ state }) => state).sort()).toEqual(['delayed', 'failed']);
    });
  });

  test('a schedule whose next run was lost is set again', async () => {
    const id = await enqueueLongAgo(nightly);
    const { queueId } = parseJobId(id);
    const client = await queues.redis();
    const queue = await queues.queue(vcenter);
    await client
      .multi()
      .del(queue.toKey(`repeat:${queueId}:${dueMs}`))
      .del(queue.toKey('delayed'))
      .exec();
    await fleet.enqueue(nightly);
    expect(await jobs()).toMatchObject([{ state: 'delayed' }]);
  });

  test('a time that there never is is refused, and the schedule that there is stays', async () => {
    await enqueueLongAgo(nightly);
    for (const pattern of ['0 2 30 2 *', 'often']) {
      const refused = { code: 'INVALID_INPUT', field: 'order.cron' };
      await expect(fleet.enqueue({ ...nightly, cron: { pattern } })).rejects.toMatchObject(refused);
    }
    expect(await (await queues.queue(vcenter)).getJobSchedulersCount()).toBe(1);
    expect(await jobs()).toHaveLength(1);
  });

  test.each(['is delayed', 'waits', 'is to be tried again'])(
    'cancel of a schedule also ends its run that is due and %s',
    async (where) => {
      const applyRetention = jest.fn(() => Promise.reject(new StoreError('unavailable', 'it is away')));
      const repositories = { [vcenter]: { applyRetention } };
      const id = await enqueueLongAgo(sweep);
      const driver = driverOf(() => Promise.reject(new InvalidInputError('volume', 'is only one of a test')));
      const work = () => startWorker({ fleet, drivers: { [vcenter]: driver }, repositories, concurrency: 1 });
      if (where === 'is to be tried again') {
        await using _worker = await work();
        await until(async () => (await jobs()).some(({ state, attempts }) => state === 'delayed' && attempts === 1));
        expect(await fleet.cancel(id)).toBe('removed');
        expect(applyRetention).toHaveBeenCalledTimes(1);
      } else {
        if (where === 'waits') await promoteRun(id);
        expect(await fleet.cancel(id)).toBe('removed');
        // Had the run stayed, it would go first.
        await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: 'b' } });
        await using _worker = await work();
        await until(async () => (await fleet.counts())[0]?.failed === 1);
        expect(applyRetention).not.toHaveBeenCalled();
      }
      expect((await jobs()).filter(({ kind }) => kind === 'retention')).toEqual([]);
      expect(await fleet.cancel(id)).toBe('unknown');
    },
  );

  test('cancel of a schedule tells whoever does its run', async () => {
    const id = await enqueueLongAgo(nightly);
    let signal: AbortSignal | undefined;
    const driver = driverOf(async (_backup, _volume, options) => {
      signal = options!.signal!;
      return new Promise((_resolve, reject) => {
        options!.signal!.addEventListener('abort', () => reject(new Error('stopped')));
      });
    });
    await using _worker = await startWorker({ fleet, drivers: { [vcenter]: driver } });
    await until(() => signal !== undefined);
    expect(await fleet.cancel(id)).toBe('told');
    await until(() => signal!.aborted);
    await until(async () => (await jobs()).map(({ state }) => state).join() === 'cancelled');
  });
});
