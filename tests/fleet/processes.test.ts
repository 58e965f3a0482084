import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createFleet, type Fleet, type FleetJob } from '../../src/fleet/index.js';
import { needing } from '../support/needing.js';
import { until } from '../support/until.js';
import { Crew } from './proof/crew.js';
import { leaseSeconds, ProofVcenter } from './proof/vcenter.js';
import { buildWorkerProgram, removeWorkerProgram } from './proof/worker-program.js';
import { hasRedis, noRedis, RedisServer } from './support/redis-server.js';

type Kind = 'backup' | 'restore';

const volumes = 6;

needing(hasRedis, noRedis).describe('workers in processes of their own', () => {
  let redis: RedisServer;
  let vcenter: ProofVcenter;
  let directory: string;
  let tmpDir: string;
  let fleet: Fleet;
  let program: string;
  let crew: Crew;

  function newCrew(lockMs: number): Crew {
    return new Crew(program, {
      redis: redis.url,
      fleet: 'processes',
      lockMs,
      leaseMs: leaseSeconds * 1000,
      transfersPerHost: volumes,
      jobsPerVcenter: volumes,
      concurrency: volumes / 2,
      tmpDir,
      vcenters: [vcenter.served],
    });
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fleet-processes-'));
    tmpDir = await mkdtemp(join(directory, 'tmp-'));
    redis = await RedisServer.start();
    vcenter = await ProofVcenter.start('vcenter1.example', { kind: 'file', directory: join(directory, 'backups') });
    for (let n = 0; n < volumes; n++) await vcenter.addVolume();
    fleet = createFleet({ connection: redis.url, name: 'processes' });
    program = await buildWorkerProgram();
    crew = newCrew(60_000);
    await crew.add();
    await crew.add();
    const stored = vcenter.volumes.map(({ vcenter: name, volume, backup }) =>
      fleet.enqueue({ kind: 'backup', vcenter: name, volume, backup }),
    );
    for (const id of await Promise.all(stored)) expect(await end(id)).toMatchObject({ state: 'done' });
  });
  afterAll(async () => {
    await crew[Symbol.asyncDispose]();
    await fleet.close();
    await vcenter[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
    await removeWorkerProgram();
    await rm(directory, { recursive: true, force: true });
  });

  /** Backs all volumes up, or restores them, and has each transfer stand still in the middle. */
  async function allInTransfer(kind: Kind, attempt: string): Promise<string[]> {
    const direction = kind === 'backup' ? 'export' : 'import';
    const stalls = vcenter.volumes.map(() =>
      vcenter.simulator.injectTransferFault({ direction, kind: 'stall', atByte: 1000 }),
    );
    const ids = await Promise.all(
      vcenter.volumes.map(({ vcenter: name, volume, backup }) =>
        fleet.enqueue({
          kind,
          vcenter: name,
          volume,
          backup: kind === 'backup' ? { id: `${attempt}-${volume.id}` } : backup,
          requestId: `${attempt} ${volume.id}`,
        }),
      ),
    );
    await until(() => stalls.every(({ fired }) => fired));
    return ids;
  }

  async function end(id: string): Promise<FleetJob> {
    let last: FleetJob | undefined;
    for await (const job of fleet.watch(id)) last = job;
    return last!;
  }

  async function expectNothingLeft(): Promise<void> {
    // The simulator hears later than the worker that a connection is closed.
    await until(() => vcenter.simulator.leftovers().every(({ kind }) => kind !== 'transfer'));
    expect(vcenter.simulator.leftovers()).toEqual([]);
    expect(vcenter.simulator.leases().filter(({ state }) => state === 'ready')).toEqual([]);
    expect(await readdir(tmpDir)).toEqual([]);
    expect((await readdir(join(directory, 'backups'))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  }

  test.each<Kind>(['backup', 'restore'])('cancel reaches each transfer of a %s, and nothing is left', async (kind) => {
    const ids = await allInTransfer(kind, 'cancelled');
    const took = await Promise.all(
      ids.map(async (id) => {
        const began = performance.now();
        expect(await fleet.cancel(id)).toBe('told');
        expect(await end(id)).toMatchObject({ state: 'cancelled', error: { code: 'ABORTED', cleanup: 'done' } });
        return Math.round(performance.now() - began);
      }),
    );
    process.stderr.write(`${JSON.stringify({ cancelledAfterMs: took })}\n`);
    await expectNothingLeft();
  });

  test.each<Kind>(['backup', 'restore'])(
    'SIGTERM amid transfers of a %s: handed back, nothing left, others do it',
    async (kind) => {
      const ids = await allInTransfer(kind, 'drained');
      const drained = await crew.drain();
      process.stderr.write(`${JSON.stringify({ drainedAfterMs: drained.map(Math.round) })}\n`);
      for (const id of ids) expect(await fleet.job(id)).toMatchObject({ state: 'waiting', attempts: 0 });
      await expectNothingLeft();
      await crew.add();
      await crew.add();
      for (const id of ids) expect(await end(id)).toMatchObject({ state: 'done' });
      for (const { volume, content } of vcenter.volumes) expect(await vcenter.contentOf(volume)).toBe(content);
    },
  );

  test('SIGTERM amid transfers while Redis is away: the processes end all the same, and others do it later', async () => {
    await crew.drain();
    // Those are taken up soon that the workers cannot hand back.
    crew = newCrew(10_000);
    await crew.add();
    await crew.add();
    const ids = await allInTransfer('backup', 'redis-away');
    await redis.stop();
    process.stderr.write(`${JSON.stringify({ drainedAfterMs: (await crew.drain()).map(Math.round) })}\n`);
    await expectNothingLeft();
    await redis.restart();
    await crew.add();
    for (const id of ids) expect(await end(id)).toMatchObject({ state: 'done' });
  });
});
