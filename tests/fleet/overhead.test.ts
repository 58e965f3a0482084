import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createFleet, type FleetDriver, startWorker } from '../../src/fleet/index.js';
import { InvalidInputError, VmdkDriver, type Volume } from '../../src/index.js';
import type { Lab } from '../driver/support/lab.js';
import { needing } from '../support/needing.js';
import { until } from '../support/until.js';
import { Monitor } from './support/monitor.js';
import { closePlace, openPlace, vcenter } from './support/place.js';
import { hasRedis, noRedis, type RedisServer } from './support/redis-server.js';

/**
 * What comes by the clock and not by the job: workers wait for jobs, heartbeats beat. Beside it, what this test sends to see the end,
 * and how far a job is.
 */
function isOfJob(command: string): boolean {
  const [, name = ''] = /^"([a-z]+)"/.exec(command) ?? [];
  const isByTheClock = ['bzpopmin', 'time', 'zadd', 'zremrangebyscore', 'multi', 'exec', 'smembers', 'ping'].includes(
    name,
  );
  const isOfTest =
    ['echo', 'xread', 'hgetall', ''].includes(name.toLowerCase()) || command.includes('waiting-children"');
  return !isByTheClock && !isOfTest && !command.includes('bytesDone');
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

needing(hasRedis, noRedis).describe('what a fleet costs', () => {
  let redis: RedisServer;
  let lab: Lab;
  let volume: Volume;
  beforeAll(async () => {
    ({ redis, lab, volume } = await openPlace());
  });
  afterAll(() => closePlace({ redis, lab }));

  test('a backup as a job, beside one by the driver: little time, and few commands to Redis', async () => {
    await using fleet = createFleet({ connection: redis.url, name: 'overhead' });
    const driver = new VmdkDriver({
      vim: lab.vim,
      backupService: lab.service,
      config: { tmpDir: lab.tmpDir, transferSlots: fleet.transferSlots(vcenter) },
    });
    await using _worker = await startWorker({ fleet, drivers: { [vcenter]: driver } });
    const newBackup = () => ({ id: randomUUID(), volumeId: volume.id });
    const doAsJob = async (): Promise<void> => {
      const id = await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: newBackup() });
      for await (const { state } of fleet.watch(id)) expect(state).not.toBe('failed');
    };
    // The first is slower than all others: scripts are loaded, and events listened to.
    await doAsJob();
    const direct: number[] = [];
    const queued: number[] = [];
    for (let n = 0; n < 15; n++) {
      let began = performance.now();
      await lab.driver.backupVolume(newBackup(), volume);
      direct.push(performance.now() - began);
      began = performance.now();
      await doAsJob();
      queued.push(performance.now() - began);
    }
    // What is sent is noted in this process, which takes time as well.
    using monitor = await Monitor.start(redis.port);
    const counts: number[] = [];
    for (let n = 0; n < 5; n++) {
      await monitor.settled();
      monitor.commands.length = 0;
      await doAsJob();
      await monitor.settled();
      counts.push(monitor.commands.filter(isOfJob).length);
    }
    const [directMs, queuedMs, commands] = [median(direct), median(queued), median(counts)];
    process.stderr.write(`${JSON.stringify({ directMs, queuedMs, overheadMs: queuedMs - directMs, commands })}\n`);
    expect(commands).toBeLessThanOrEqual(12);
  });

  test('10,000 jobs are added, and a worker that ends them does not grow', async () => {
    await using fleet = createFleet({ connection: redis.url, name: 'many', attempts: 1 });
    const cpu = process.cpuUsage();
    const began = performance.now();
    const count = 10_000;
    const next = Array.from({ length: count }, (_, n) => n).values();
    const addThem = async (): Promise<void> => {
      for (const n of next) await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: { id: n.toString() } });
    };
    await Promise.all(Array.from({ length: 50 }, addThem));
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const cpuSeconds = (user + system) / 1e6;
    const refusing: FleetDriver = {
      ownerId: lab.driver.ownerId,
      backupVolume: () => Promise.reject(new InvalidInputError('volume', 'is only one of a test')),
      restoreBackup: () => Promise.reject(new Error('not asked for')),
      verifyBackup: () => Promise.reject(new Error('not asked for')),
      recover: () => Promise.reject(new Error('not asked for')),
    };
    await using _worker = await startWorker({ fleet, drivers: { [vcenter]: refusing }, concurrency: 8 });
    const failed = async (): Promise<number> => (await fleet.counts())[0]!.failed;
    await until(async () => (await failed()) >= 1_000);
    const early = process.memoryUsage().heapUsed;
    await until(async () => (await failed()) === count);
    const late = process.memoryUsage().heapUsed;
    process.stderr.write(
      `${JSON.stringify({ seconds, cpuSeconds, earlyMiB: early / 2 ** 20, lateMiB: late / 2 ** 20 })}\n`,
    );
    // Of this process's own time: a machine that is busy with something else is nobody's fault.
    expect(cpuSeconds).toBeLessThan(10);
    expect(late - early).toBeLessThan(100 * 2 ** 20);
  });
});
