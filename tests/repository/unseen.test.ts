import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { RepositoryBackupService } from '../../src/repository/index.js';
import type { ObjectInfo } from '../../src/stores/index.js';
import { ChangingDisk, range } from './support/generations.js';
import { manifestFor, SteppedStore } from './support/repository-lab.js';

const volumeId = 'v1';
const packBytes = 64 * 1024;

/** A store as whoever collects garbage sees it, while others change it. */
class CollectorsView extends SteppedStore {
  override readonly objects;
  /** Its lists do not show what was put less than so many minutes ago. */
  lagMinutes = 0;
  /** What others do once the backups were listed, after the leases, and before one is read. */
  meanwhile: (() => Promise<void>) | undefined;
  /** Leases are listed to see which are dead, and to see what they name. */
  #leaseLists = 0;

  constructor(store: SteppedStore) {
    super();
    this.objects = store.objects;
    this.now = () => store.now();
  }

  override async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    const shownUntil = this.now().getTime() - this.lagMinutes * 60_000;
    const page: ObjectInfo[] = [];
    for await (const info of super.list(prefix)) if (info.lastModified.getTime() <= shownUntil) page.push(info);
    if (prefix === 'writers/') this.#leaseLists += 1;
    if (prefix === 'volumes/' && this.#leaseLists === 2) {
      const { meanwhile } = this;
      this.meanwhile = undefined;
      await meanwhile?.();
    }
    yield* page;
  }

  begin(): void {
    this.#leaseLists = 0;
  }
}

/** A volume that is backed up each night, after which the backup before is deleted. */
class Nights {
  readonly store = new SteppedStore();
  readonly view = new CollectorsView(this.store);
  readonly service = new RepositoryBackupService({ store: this.store, packBytes });
  readonly #collector = new RepositoryBackupService({ store: this.view, packBytes });
  readonly #disk = new ChangingDisk(300, 8).write(...range(0, 20));
  #night = 0;

  static async begin(): Promise<Nights> {
    const nights = new Nights();
    await nights.service.initialize();
    await nights.#backUp();
    return nights;
  }

  /** A backup of the volume as it was on the first night, but for most of it. */
  async keepSome(): Promise<void> {
    const bytes = new ChangingDisk(300, 8)
      .write(...range(0, 20))
      .write(...range(0, 15))
      .stream();
    const other = await this.service.openBackup({ id: 'kept', volumeId });
    // Begun at the same time, and committed later: what follows shares with this one.
    const writer = await this.service.openBackup({ id: `n${++this.#night}`, volumeId });
    await other.write(bytes);
    await other.commit(manifestFor('kept', volumeId, bytes));
    this.store.pass(0.1);
    await writer.write(this.#disk.stream());
    await writer.commit(manifestFor(`n${this.#night}`, volumeId, this.#disk.stream()));
    await this.service.delete({ id: 'n0', volumeId });
  }

  async change(): Promise<void> {
    this.#night += 1;
    this.#disk.write(0);
    await this.#backUp();
    await this.service.delete({ id: `n${this.#night - 1}`, volumeId });
  }

  async collect(options: object = {}) {
    this.view.begin();
    return this.#collector.collectGarbage(options);
  }

  async assertLastRestores(): Promise<void> {
    const { stream } = await this.service.openRestore({ id: `n${this.#night}`, volumeId });
    expect((await buffer(stream)).equals(this.#disk.stream())).toBe(true);
  }

  /** Everything was deleted, and collections a grace apart find nobody at work. */
  async end(): Promise<void> {
    for await (const { id } of this.service.list()) await this.service.delete({ id: id, volumeId });
    for (let run = 0; run < 5; run++) {
      this.store.pass(25);
      await this.service.collectGarbage({ maxRepackBytes: 2 ** 30 });
    }
    expect(this.store.keys).toEqual(['repository.json']);
  }

  async #backUp(): Promise<void> {
    const id = `n${this.#night}`;
    const bytes = this.#disk.stream();
    const writer = await this.service.openBackup({ id, volumeId });
    await writer.write(bytes);
    await writer.commit(manifestFor(id, volumeId, bytes));
  }
}

describe('a backup that no collection sees, committed each night before the one before is deleted', () => {
  test('while a collection looks for the live ones', async () => {
    const nights = await Nights.begin();
    for (let night = 0; night < 6; night++) {
      nights.store.pass(25);
      nights.view.meanwhile = () => nights.change();
      await nights.collect();
      expect(nights.view.meanwhile).toBeUndefined();
      await nights.assertLastRestores();
    }
    await nights.end();
  });

  test.each([
    ['before lists show it', () => undefined, {}],
    [
      'before lists show it, where packs of others are rewritten',
      (nights: Nights) => nights.keepSome(),
      { maxRepackBytes: 2 ** 30 },
    ],
  ])('%s', async (_when, prepare, options) => {
    const nights = await Nights.begin();
    await prepare(nights);
    nights.view.lagMinutes = 10;
    for (let night = 0; night < 6; night++) {
      nights.store.pass(25);
      await nights.change();
      nights.store.pass(1 / 60);
      await nights.collect(options);
      await nights.assertLastRestores();
    }
    await nights.end();
  });
});

test('while a root of nobody cannot be read, it may need any pack', async () => {
  const nights = await Nights.begin();
  const { store, service } = nights;
  const packs = () => store.keys.filter((key) => /^(?:data|map)\//.test(key)).length;
  const before = packs();
  await service.delete({ id: 'n0', volumeId });
  const left: number[] = [];
  for (let run = 0; run < 3; run++) {
    store.pass(25);
    await nights.collect();
    left.push(packs());
    if (run === 0) await store.put(`volumes/i-v1/i-n1/${'0'.repeat(24)}/root`, Buffer.from('no root'));
  }
  // Marked; ripe, and kept for the root that is marked only now; gone.
  expect(left).toEqual([before, before, 0]);
  await nights.end();
});
