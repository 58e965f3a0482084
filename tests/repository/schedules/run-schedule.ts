import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { VmdkDriverError } from '../../../src/errors/index.js';
import { RepositoryBackupService } from '../../../src/repository/index.js';
import type { ObjectInfo } from '../../../src/stores/index.js';
import { Random } from '../../matrix/random.js';
import { ChangingDisk, range } from '../support/generations.js';
import { manifestFor, SteppedStore } from '../support/repository-lab.js';
import { type Decision, type Schedule, ScheduledStore, type WaitingCall } from './scheduled-store.js';

/** What happened in a schedule. */
export interface Tally {
  calls: number;
  actors: number;
  kills: number;
  committed: number;
  collected: number;
  repacked: number;
  guarded: number;
  lostAnswers: number;
}

/** Of a schedule, or of all together, before anything happened. */
export const nothingYet: Readonly<Tally> = {
  calls: 0,
  actors: 0,
  kills: 0,
  committed: 0,
  collected: 0,
  repacked: 0,
  guarded: 0,
  lostAnswers: 0,
};

const volumes = ['v1', 'v2'] as const;
/** So many grains every disk begins with, the same on all. */
const firstGrains = 8;
const newDisk = () => new ChangingDisk(300, 8).write(...range(0, firstGrains));
/** Store calls in each schedule, at least. Somebody is killed among them, by the one that is told here at the latest. */
const fewestCalls = 60;
const firstKillBy = 50;
/** A writer that runs gives a sign of life each minute; one that finds its last one older than that gives up. In hours. */
const silenceHours = 12;
/**
 * Collections until nothing is left that nobody needs. Of a pack of which a part was marked before all stood still, the first
 * leaves that part out, the second marks all of the rest, the third leaves that out, the fourth marks the first's rewriting and the fifth
 * deletes it.
 */
const quietCollections = 5;
/** How late a list may show what was put or deleted: far less than the grace. */
const listingLagHours = 2;

/**
 * Lets writers, deleters, collectors and a verifier work at once on one repository, in an order that the seed decides: any may
 * be killed at any call, answers are lost, changes arrive late, lists lag behind, and the clock steps on.
 *
 * @throws where a committed backup does not restore exactly, or something is left that nobody needs
 */
export async function runSchedule(seed: number, tally: Tally): Promise<void> {
  await new ScheduledRun(seed, tally).run();
}

class ScheduledRun implements Schedule {
  readonly #random: Random;
  readonly #tally: Tally;
  readonly #store = new SteppedStore();
  readonly #waiting: WaitingCall[] = [];
  readonly #late: (() => Promise<unknown>)[] = [];
  readonly #alive = new Set<string>();
  readonly #listedBefore = new Map<string, readonly ObjectInfo[]>();
  /** Actors whose process stands still, and until when. */
  readonly #frozen = new Map<string, number>();
  readonly #killed = new Set<string>();
  /** The calls that the killed wait at. */
  readonly #abandoned: WaitingCall[] = [];
  #isOver = false;
  #tell = (): void => undefined;
  /** The last lease of each writer. */
  readonly #leases = new Map<string, string>();
  #calls = 0;

  constructor(seed: number, tally: Tally) {
    this.#random = new Random(seed);
    this.#tally = tally;
  }

  async run(): Promise<void> {
    const direct = this.#service();
    await direct.initialize();
    for (const volumeId of volumes) await this.#write(direct, volumeId, `first-${volumeId}`, newDisk());
    this.#begin();
    await this.#go(direct);
    await this.#assertWhole(direct);
    await this.#settleDown(direct);
    this.#letGo();
    if (this.#calls < fewestCalls || this.#killed.size === 0) throw new Error('too little happened');
    this.#tally.calls += this.#calls;
    this.#tally.kills += this.#killed.size;
  }

  wait(call: WaitingCall): void {
    if (call.method === 'put' && call.key.startsWith('writers/')) this.#leases.set(call.actor, call.key);
    if (this.#isOver) call.proceed('refuse');
    else (this.#killed.has(call.actor) ? this.#abandoned : this.#waiting).push(call);
    this.#tell();
  }

  later(change: () => Promise<unknown>): void {
    this.#late.push(change);
  }

  /** Every other list may be the one that was shown before. */
  listed(infos: readonly ObjectInfo[], prefix: string): readonly ObjectInfo[] {
    const before = this.#listedBefore.get(prefix);
    this.#listedBefore.set(prefix, infos);
    if (before === undefined || this.#random.below(4) > 0) return infos;
    const lagging = this.#store.now().getTime() - listingLagHours * 3_600_000;
    const old = new Set(before.map(({ key }) => key));
    return infos.filter(({ key, lastModified }) => old.has(key) || lastModified.getTime() < lagging);
  }

  #service(store: SteppedStore | ScheduledStore = this.#store): RepositoryBackupService {
    return new RepositoryBackupService({ store, packBytes: 64 * 1024, concurrency: 2 });
  }

  #begin(): void {
    const writers = 2 + this.#random.below(3);
    for (let number = 0; number < writers; number++) {
      const volumeId = this.#random.pick(volumes);
      this.#act(`writer ${number}`, async (service) => {
        const disk = newDisk();
        for (let round = 0; round < 4; round++) {
          // Some of what all backups began with, so that packs come to be needed in part only.
          disk.write(...range(0, this.#random.below(firstGrains)), this.#random.below(300));
          // Sometimes in the place of an earlier one.
          await this.#write(service, volumeId, `b${number}-${this.#random.below(3)}`, disk);
        }
      });
    }
    // A volume of its own, that nobody else deletes: each night's backup, and the one before goes.
    if (this.#random.below(3) === 0) {
      this.#act('writer of nights', async (service) => {
        const disk = newDisk();
        for (let night = 0; night < 5; night++) {
          disk.write(this.#random.below(firstGrains));
          const id = `night-${night}`;
          if (!(await this.#write(service, 'nights', id, disk))) return;
          if (night > 0) await service.delete({ id: `night-${night - 1}`, volumeId: 'nights' });
        }
      });
    }
    this.#act('deleter', async (service) => {
      for (let round = 0; round < 6; round++) {
        const id = this.#random.pick(['first-v1', 'first-v2', 'b0-0', 'b0-1', 'b1-0', 'b1-1', 'b2-2']);
        await service.delete({ id, volumeId: this.#random.pick(volumes) });
      }
    });
    for (const number of [0, 1]) this.#actCollector(`collector ${number}`);
    if (this.#random.below(3) === 0) {
      this.#act('verifier', async (service) => {
        await service.verify();
      });
    }
  }

  #actCollector(actor: string): void {
    this.#act(actor, async (service) => {
      const writes = (): boolean => [...this.#alive].some((name) => name.startsWith('writer'));
      for (let round = 0; round < 5 || (writes() && round < 20); round++) {
        this.#tally.collected += await this.#collect(service);
      }
    });
  }

  #act(actor: string, work: (service: RepositoryBackupService) => Promise<void>): void {
    this.#alive.add(actor);
    this.#tally.actors += 1;
    const attempt = async (): Promise<void> => {
      try {
        await work(this.#service(new ScheduledStore(actor, this.#store, this)));
      } catch (error) {
        if (!(error instanceof VmdkDriverError)) throw error;
      }
    };
    void attempt().finally(() => {
      this.#alive.delete(actor);
      this.#tell();
    });
  }

  async #collect(service: RepositoryBackupService): Promise<number> {
    const { deleted, repacked } = await service.collectGarbage({ maxRepackBytes: 2 ** 20 });
    this.#tally.repacked += repacked;
    return deleted;
  }

  /** @returns whether it is a backup now */
  async #write(service: RepositoryBackupService, volumeId: string, id: string, disk: ChangingDisk): Promise<boolean> {
    const bytes = disk.stream();
    const backup = { id, volumeId };
    let writer;
    try {
      writer = await service.openBackup(backup);
      await writer.write(bytes);
      await writer.commit(manifestFor(id, volumeId, bytes));
      this.#tally.committed += 1;
      return true;
    } catch (error) {
      if (!(error instanceof VmdkDriverError)) throw error;
      if (error.code === 'BACKUP_SERVICE_FAILED' && error.message.includes('lease')) this.#tally.guarded += 1;
      await writer?.abort();
      return false;
    }
  }

  async #go(direct: RepositoryBackupService): Promise<void> {
    for (let steps = 0; (this.#alive.size > 0 || this.#calls < fewestCalls) && steps < 2000; steps++) {
      // Where all were killed early, or had little to do.
      if (this.#alive.size === 0) this.#actCollector(`collector of step ${steps}`);
      await this.#everyoneWaits();
      if (this.#waiting.length === 0) continue;
      this.#passTime();
      if (this.#late.length > 0 && this.#random.below(5) === 0) await this.#late.shift()?.();
      const call = this.#nextCall();
      if (call === undefined) continue;
      this.#calls += 1;
      if (this.#mayKill() && (this.#random.below(60) === 0 || this.#isLastForKill())) this.#kill(call);
      else call.proceed(this.#decide(call));
      if (steps % 50 === 0) await this.#assertWhole(direct);
    }
    for (const change of this.#late.splice(0)) await change();
  }

  /** Each actor has ended or waits at a call. Several calls of one may wait: it puts packs two at a time. */
  async #everyoneWaits(): Promise<void> {
    for (let idle = 0; idle < 3;) {
      const before = this.#waiting.length;
      if (this.#someoneWorks()) await this.#nextNews();
      else await setImmediate();
      idle = this.#waiting.length === before && !this.#someoneWorks() ? idle + 1 : 0;
    }
  }

  #someoneWorks(): boolean {
    const waiting = new Set(this.#waiting.map(({ actor }) => actor));
    return [...this.#alive].some((actor) => !waiting.has(actor));
  }

  /** The next call, or the end of an actor. To look again and again would take the processor from the threads that are waited for. */
  #nextNews(): Promise<void> {
    return new Promise((resolve) => (this.#tell = resolve));
  }

  /** Any of the calls of actors that do not stand still. Where all do, time passes. */
  #nextCall(): WaitingCall | undefined {
    const now = this.#store.now().getTime();
    const awake = this.#waiting.filter(({ actor }) => !this.#standsStill(actor));
    if (awake.length === 0) {
      this.#pass(1);
      return undefined;
    }
    const call = this.#random.pick(awake);
    const mayFreeze = call.actor.startsWith('writer') && !call.key.endsWith('/manifest.json');
    if (mayFreeze && this.#random.below(40) === 0) {
      this.#frozen.set(call.actor, now + (5 + this.#random.below(200)) * 3_600_000);
      return undefined;
    }
    this.#waiting.splice(this.#waiting.indexOf(call), 1);
    return call;
  }

  #standsStill(actor: string): boolean {
    return (this.#frozen.get(actor) ?? 0) > this.#store.now().getTime();
  }

  #decide({ changes }: WaitingCall): Decision {
    if (this.#random.below(40) > 0) return 'do';
    this.#tally.lostAnswers += 1;
    return changes ? this.#random.pick(['lose-answer', 'refuse', 'late'] as const) : 'refuse';
  }

  #isLastForKill(): boolean {
    return this.#killed.size === 0 && this.#calls >= firstKillBy;
  }

  #mayKill(): boolean {
    return this.#killed.size === 0 || this.#random.below(3) === 0;
  }

  #kill(call: WaitingCall): void {
    const { actor } = call;
    this.#abandoned.push(call);
    this.#killed.add(actor);
    this.#alive.delete(actor);
    for (let place = this.#waiting.length - 1; place >= 0; place--) {
      if (this.#waiting[place]?.actor === actor) this.#abandoned.push(...this.#waiting.splice(place, 1));
    }
  }

  /**
   * A process that was killed has no timers and no memory; ours of the killed would keep theirs for as long as the tests run. Nothing
   * of the schedule is left to be changed by them.
   */
  #letGo(): void {
    this.#isOver = true;
    for (const call of this.#abandoned.splice(0)) call.proceed('refuse');
  }

  /**
   * The clock goes on by minutes, hours, or more than a day. Between a writer's last look at its lease and the record that
   * follows it does not: a request that takes a day is what the protocol excludes, not what it survives. Nor while it looks, but where
   * the writer stands still: it would hardly ever commit.
   */
  #passTime(): void {
    const commits = this.#waiting.some(
      ({ actor, method, key }) =>
        (method === 'put' && key.endsWith('/manifest.json')) ||
        (['stat', 'put'].includes(method) && key.startsWith('writers/') && !this.#standsStill(actor)),
    );
    const step = this.#random.below(commits || this.#late.length > 0 ? 24 : 30);
    if (step >= 24 && step < 28) this.#pass(1 + this.#random.below(8));
    else if (step === 28) this.#pass(20 + this.#random.below(10));
    else if (step < 10) this.#pass(this.#random.below(60) / 60);
  }

  /** Whoever does not stand still gives signs of life meanwhile, as its own timer would have it. */
  #pass(hours: number): void {
    this.#giveSigns();
    for (let left = hours; left > 0; left -= silenceHours / 2) {
      this.#store.pass(Math.min(left, silenceHours / 2));
      this.#giveSigns();
    }
  }

  #giveSigns(): void {
    const now = this.#store.now();
    for (const [actor, key] of this.#leases) {
      const lease = this.#store.objects.get(key);
      if (lease === undefined || !this.#alive.has(actor) || this.#standsStill(actor)) continue;
      if (now.getTime() - lease.lastModified.getTime() < silenceHours * 3_600_000) lease.lastModified = now;
    }
  }

  /** Every backup that is there restores to the byte. */
  async #assertWhole(direct: RepositoryBackupService): Promise<void> {
    for await (const backup of direct.list()) {
      if (backup.error !== undefined) throw backup.error;
      const { stream } = await direct.openRestore({ id: backup.id, volumeId: backup.volumeId });
      const sha256 = createHash('sha256')
        .update(await buffer(stream))
        .digest('hex');
      if (sha256 !== backup.manifest?.sha256) throw new Error(`${backup.id} of ${backup.volumeId} has other bytes`);
    }
  }

  /** When nobody works any more, collections leave only what is needed. */
  async #settleDown(direct: RepositoryBackupService): Promise<void> {
    for (let run = 0; run < quietCollections; run++) {
      this.#store.pass(30);
      this.#tally.collected += await this.#collect(direct);
    }
    await this.#assertWhole(direct);
    const { damage, packs, backups } = await direct.verify({ level: 'full' });
    if (damage.length > 0) throw new Error(`damaged: ${JSON.stringify(damage)}`);
    // The description, and for each backup its record and its root.
    const needed = 1 + packs + 2 * backups;
    if (this.#store.keys.length !== needed) throw new Error(`left: ${this.#store.keys.join(', ')}`);
  }
}
