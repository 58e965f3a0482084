import { randomUUID } from 'node:crypto';
import { Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { createFleet, createMetrics, serveMetrics, startWorker } from '../../src/fleet/index.js';
import { LoopWatch } from '../../src/fleet/loop-watch.js';
import type { Logger, Volume } from '../../src/index.js';
import type { Lab } from '../driver/support/lab.js';
import { needing } from '../support/needing.js';
import { closePlace, openPlace, vcenter } from './support/place.js';
import { hasRedis, noRedis, type RedisServer } from './support/redis-server.js';

needing(hasRedis, noRedis).describe('the metrics of a worker', () => {
  let redis: RedisServer;
  let lab: Lab;
  let volume: Volume;
  beforeAll(async () => {
    ({ redis, lab, volume } = await openPlace());
  });
  afterAll(() => closePlace({ redis, lab }));

  test('are what it did, and what is in Redis', async () => {
    await using fleet = createFleet({ connection: redis.url, attempts: 1 });
    const metrics = await createMetrics({ fleet });
    await using _worker = await startWorker({ fleet, drivers: { [vcenter]: lab.driver }, metrics });
    await using server = await serveMetrics({ metrics, port: 0 });
    const stored = { id: randomUUID(), volumeId: volume.id };
    const absent = { id: 'absent', volumeId: volume.id };
    const ids = [
      await fleet.enqueue({ kind: 'backup', vcenter, volume, backup: stored }),
      await fleet.enqueue({ kind: 'verify', vcenter, backup: absent }),
    ];
    for (const id of ids) {
      for await (const { state } of fleet.watch(id)) expect(state).not.toBe('cancelled');
    }

    const text = await (await fetch(`${server.url}/metrics`)).text();
    const labels = `vcenter="${vcenter}"`;
    expect(text).toContain(`vmdk_driver_jobs{${labels},state="done"} 1`);
    expect(text).toContain(`vmdk_driver_jobs{${labels},state="failed"} 1`);
    expect(text).toContain(`vmdk_driver_running_jobs{${labels}} 0`);
    expect(text).toContain(`vmdk_driver_failures_total{${labels},kind="verify",code="BACKUP_NOT_FOUND"} 1`);
    expect(text).toContain(`vmdk_driver_job_seconds_count{${labels},kind="backup",outcome="done"} 1`);
    expect(text).toMatch(new RegExp(`vmdk_driver_stream_bytes_total\\{${labels},kind="backup"\\} [1-9]`));
    expect(text).toMatch(new RegExp(`vmdk_driver_last_backup_age_seconds\\{${labels},volume="${volume.id}"\\} \\d`));
    expect((await fetch(`${server.url}/live`)).status).toBe(200);
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    expect((await fetch(`${server.url}/`)).status).toBe(404);
  });
});

test('a port that is taken is told of as such', async () => {
  await using fleet = createFleet({ connection: 'redis://127.0.0.1:1' });
  const metrics = await createMetrics({ fleet });
  await using server = await serveMetrics({ metrics, port: 0 });
  const port = Number(new URL(server.url).port);
  await expect(serveMetrics({ metrics, port })).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'options.port' });
});

test('a connection that cannot be taken does not end the process', async () => {
  await using fleet = createFleet({ connection: 'redis://127.0.0.1:1' });
  const listen = jest.spyOn(Server.prototype, 'listen');
  await using server = await serveMetrics({ metrics: await createMetrics({ fleet }), port: 0 });
  const [listening] = listen.mock.contexts as Server[];
  listen.mockRestore();
  listening!.emit('error', new Error('accept EMFILE'));
  expect((await fetch(`${server.url}/live`)).status).toBe(200);
});

test('that the event loop was held is said', async () => {
  const said: object[] = [];
  const logger = { warn: (fields: object) => said.push(fields) } as unknown as Logger;
  using watch = new LoopWatch(1_000, logger);
  const until = performance.now() + 1_200;
  while (performance.now() < until);
  while (said.length === 0) await pause(10);
  expect(said[0]).toMatchObject({ lockMs: 1_000, heldMs: expect.any(Number) as unknown });
  expect(watch.takeLongestMs()).toBeGreaterThan(125);
  expect(watch.takeLongestMs()).toBe(0);
});
