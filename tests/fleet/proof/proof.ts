import { createHash, randomInt } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createFleet, type Fleet, type JobOrder } from '../../../src/fleet/index.js';
import type { BackupManifest, RestoreResult } from '../../../src/index.js';
import { createBucket } from '../../real-stores/support/buckets.js';
import { newPrefix } from '../../real-stores/support/place.js';
import { installed, Server } from '../../real-stores/support/server.js';
import { RedisServer } from '../support/redis-server.js';
import { Crew } from './crew.js';
import type { ProofStore } from './order.js';
import { leaseSeconds, ProofVcenter, type ProofVolume } from './vcenter.js';
import { buildWorkerProgram, removeWorkerProgram } from './worker-program.js';

/** How much is to be shown. */
export interface ProofSize {
  readonly volumes: number;
  readonly vcenters: number;
  readonly workers: number;
  readonly kills: number;
}

/** What a proof found. `problems` is to be empty. */
export interface ProofFindings {
  readonly problems: string[];
  /** Where the backups went. */
  readonly stores: readonly ProofStore['kind'][];
  readonly kills: number;
  readonly redisRestarts: number;
  readonly freezes: number;
  readonly jobs: number;
  /** How often a job was taken from a worker that was not heard any more; how often one was begun beyond the first time. */
  readonly stalls: number;
  readonly begunAgain: number;
  /** The most transfers that a simulator saw at once with one of its hosts. */
  readonly mostTransfersPerHost: number;
  readonly drainMs: number;
  readonly seconds: number;
}

/** Whether there is an S3 to go to. */
const hasCeph = installed('ceph-mon', 'ceph-osd', 'radosgw', 'curl');

export const transfersPerHost = 2;
/** Twice as long as a slot lives on: longer than a lease, so that a frozen worker's transfer is over before its slot is. */
const lockMs = 10_000;

/**
 * Backs up all volumes, then restores them all, while workers are killed, one is frozen for longer than its lock, and Redis is
 * killed twice; then looks at what became of everything.
 */
export async function prove(size: ProofSize, log: (line: string) => void): Promise<ProofFindings> {
  const startedAt = performance.now();
  const directory = await mkdtemp(join(tmpdir(), 'fleet-proof-'));
  const tmpDir = await mkdtemp(join(directory, 'tmp-'));
  await using redis = await RedisServer.start();
  await using ceph = hasCeph ? await Server.start('ceph', 2) : undefined;
  const vcenters = await Promise.all(
    Array.from({ length: size.vcenters }, async (_, n) => {
      const store = n % 2 === 0 ? await newDirectory(directory, 'file') : await newBucket(directory, ceph);
      return ProofVcenter.start(`vcenter${(n + 1).toString()}.example`, store);
    }),
  );
  const name = 'proof';
  const fleet = createFleet({ connection: redis.url, name, lockMs });
  try {
    for (let n = 0; n < size.volumes; n++) await vcenters[n % vcenters.length]!.addVolume();
    await using crew = new Crew(await buildWorkerProgram(), {
      redis: redis.url,
      fleet: name,
      lockMs,
      leaseMs: leaseSeconds * 1000,
      transfersPerHost,
      jobsPerVcenter: 16,
      concurrency: 3,
      tmpDir,
      vcenters: vcenters.map(({ served }) => served),
    });
    for (let n = 0; n < size.workers; n++) await crew.add();
    log('the crew serves');

    const problems: string[] = [];
    const volumes = vcenters.flatMap((vcenter) => vcenter.volumes);
    const trouble = new Trouble(crew, redis, size, log);
    const ids: string[] = [];

    const backups = volumes.map(
      ({ vcenter, volume, backup }) => ({ kind: 'backup', vcenter, volume, backup }) as const,
    );
    ids.push(...(await trouble.during(0.5, () => runAll(fleet, backups, problems))));
    log('all are backed up');
    for (const vcenter of vcenters) {
      for (const { volume } of vcenter.volumes) await vcenter.change(volume);
    }
    const restores = volumes.map(
      ({ vcenter, volume, backup }) => ({ kind: 'restore', vcenter, volume, backup }) as const,
    );
    ids.push(...(await trouble.during(1, () => runAll(fleet, restores, problems))));
    log('all are restored');

    // What dead workers left is ended by one recovery of each vCenter, when no lease is open any more.
    for (const { simulator } of vcenters) simulator.advanceTime(leaseSeconds * 1000);
    ids.push(
      ...(await runAll(
        fleet,
        vcenters.map(({ served }) => ({ kind: 'recover', vcenter: served.name })),
        problems,
      )),
    );
    const drained = await crew.drain();
    const effects = await readEffects(redis, name, ids, problems);
    for (const { served } of vcenters) await judgeSecrecy(redis, served.password, problems);
    for (const vcenter of vcenters) await judge(vcenter, fleet, problems);
    for (const file of await readdir(tmpDir)) problems.push(`temporary file ${file}`);
    const counts = await fleet.counts();
    for (const { vcenter, waiting, delayed, running, failed } of counts) {
      if (waiting + delayed + running + failed > 0)
        problems.push(`${vcenter}: ${JSON.stringify({ waiting, delayed, running, failed })}`);
    }
    return {
      problems,
      stores: vcenters.map(({ served }) => served.store.kind),
      kills: trouble.kills,
      redisRestarts: trouble.redisRestarts,
      freezes: trouble.freezes,
      jobs: ids.length,
      ...effects,
      mostTransfersPerHost: Math.max(...vcenters.flatMap(({ most }) => [...most.values()])),
      drainMs: Math.round(Math.max(...drained)),
      seconds: Math.round((performance.now() - startedAt) / 1000),
    };
  } finally {
    await fleet.close();
    for (const vcenter of vcenters) await vcenter[Symbol.asyncDispose]();
    await removeWorkerProgram();
    await rm(directory, { recursive: true, force: true });
  }
}

async function newDirectory(parent: string, kind: 'file' | 'objects'): Promise<ProofStore> {
  return { kind, directory: await mkdtemp(join(parent, `${kind}-`)) };
}

/** A bucket on radosgw, or else objects in a directory. */
async function newBucket(parent: string, ceph: Server | undefined): Promise<ProofStore> {
  if (ceph === undefined) return newDirectory(parent, 'objects');
  const port = ceph.ports[1]!;
  const container = `fleet-${newPrefix()}`;
  await createBucket(port, container);
  return { kind: 's3', place: { kind: 's3', port, key: 'key', container, prefix: 'proof' } };
}

/** What is done to the crew and to Redis: the kills evenly, one freeze, a restart of Redis in each half. */
class Trouble {
  kills = 0;
  redisRestarts = 0;
  freezes = 0;
  #over = Promise.resolve();

  constructor(
    readonly crew: Crew,
    readonly redis: RedisServer,
    readonly size: ProofSize,
    readonly log: (line: string) => void,
  ) {}

  /** Makes trouble while something is done, up to a part of all there is to be; what is done may take as long as it takes. */
  async during<T>(part: number, work: () => Promise<T>): Promise<T> {
    const done = work();
    this.#over = this.#make(Math.ceil(this.size.kills * part));
    const [result] = await Promise.all([done, this.#over]);
    return result;
  }

  async #make(until: number): Promise<void> {
    const middle = this.kills + Math.floor((until - this.kills) / 2);
    while (this.kills < until) {
      await pause(randomInt(500, 2500));
      await this.crew.replace(randomInt(1000));
      this.kills++;
      if (this.kills !== middle) continue;
      await this.redis.restart(this.redisRestarts === 0 ? 'SIGKILL' : 'SIGTERM');
      this.redisRestarts++;
      this.log('Redis was restarted');
      if (this.freezes > 0) continue;
      this.freezes++;
      const frozen = this.crew.freeze(randomInt(1000));
      await pause(2.5 * lockMs);
      frozen.thaw();
      this.log('a worker was frozen, and goes on');
    }
    this.log(`${this.kills} workers were killed`);
  }
}

/** Enqueues jobs, as an application that asks again when Redis is away, and waits for the end of each. */
async function runAll(fleet: Fleet, orders: readonly JobOrder[], problems: string[]): Promise<string[]> {
  return Promise.all(
    orders.map(async (order) => {
      const id = await fleet.enqueue(order);
      let state = 'unknown';
      for await (const job of fleet.watch(id)) {
        state = job.state === 'done' ? 'done' : `${job.state}: ${JSON.stringify(job.error)}`;
      }
      if (state !== 'done') problems.push(`${id} ended as ${state}`);
      return id;
    }),
  );
}

async function judge(vcenter: ProofVcenter, fleet: Fleet, problems: string[]): Promise<void> {
  const stored = new Map<string, number>();
  for await (const backup of vcenter.service.list()) {
    stored.set(backup.id, (stored.get(backup.id) ?? 0) + 1);
    if (backup.error !== undefined) problems.push(`${backup.id}: ${backup.error.message}`);
  }
  for (const volume of vcenter.volumes) {
    const { backup, content } = volume;
    if (stored.get(backup.id) !== 1) problems.push(`${backup.id} is stored ${String(stored.get(backup.id))} times`);
    if ((await vcenter.contentOf(volume.volume)) !== content) problems.push(`${volume.volume.id} is not what it was`);
    await judgeResult(vcenter, fleet, volume, problems);
  }
  if (stored.size !== vcenter.volumes.length) problems.push(`${stored.size} backups of ${vcenter.volumes.length}`);
  for (const { kind, what } of vcenter.simulator.leftovers()) problems.push(`${kind}: ${what}`);
}

/** What the job says is what is stored. */
async function judgeResult(
  { service }: ProofVcenter,
  fleet: Fleet,
  { vcenter, volume, backup }: ProofVolume,
  problems: string[],
): Promise<void> {
  const [stored, restored] = await Promise.all(
    (['backup', 'restore'] as const).map(async (kind) =>
      fleet.job(await fleet.enqueue({ kind, vcenter, volume, backup })),
    ),
  );
  const manifest = stored?.result as BackupManifest | undefined;
  const result = restored?.result as RestoreResult | undefined;
  const hash = createHash('sha256');
  for await (const chunk of (await service.openRestore(backup)).stream as AsyncIterable<Buffer>) hash.update(chunk);
  if (manifest?.sha256 !== hash.digest('hex')) problems.push(`the result of ${backup.id} is not what is stored`);
  const { backupId, volumeId, sha256, cleanup } = { ...result };
  if (backupId !== backup.id || volumeId !== volume.id || sha256 !== manifest?.sha256 || cleanup !== 'done') {
    problems.push(`the result of the restore of ${backup.id} is ${JSON.stringify(result)}`);
  }
}

/** What the trouble did to the jobs, as BullMQ counted it; and that no slot is held any more, once those of dead workers have run out. */
async function readEffects(
  { url }: RedisServer,
  name: string,
  ids: readonly string[],
  problems: string[],
): Promise<Pick<ProofFindings, 'stalls' | 'begunAgain'>> {
  const client = new Redis(url);
  const counts = await Promise.all(ids.map((id) => client.hmget(`${name}:${id.replace('~', ':')}`, 'stc', 'ats')));
  await pause(2 * lockMs + 1_000);
  problems.push(...(await client.keys('semaphore:*')).map((key) => `${key} is held`));
  client.disconnect();
  const sum = (values: readonly (string | null | undefined)[]): number =>
    values.reduce((total, value) => total + Number(value ?? 0), 0);
  return {
    stalls: sum(counts.map(([stalls]) => stalls)),
    begunAgain: sum(counts.map(([, begun]) => begun)) - ids.length,
  };
}

/** Nothing secret was ever written to Redis: its file has each command. */
async function judgeSecrecy({ directory }: RedisServer, password: string, problems: string[]): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const content = await readFile(join(entry.parentPath, entry.name));
    if (content.includes(password)) problems.push(`the password is in ${entry.name}`);
  }
}
