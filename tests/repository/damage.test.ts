import { describe, expect, test } from '@jest/globals';
import { ThreadError } from '../../src/errors/index.js';
import { verifyRepository } from '../../src/repository/care/verify.js';
import { directoryBytes } from '../../src/repository/format/pack.js';
import { packKey } from '../../src/repository/format/pack-id.js';
import { RepositoryBackupService } from '../../src/repository/index.js';
import { openRepository } from '../../src/repository/open-repository.js';
import { PackReader } from '../../src/repository/read/pack-reader.js';
import { findRecord, readRoot } from '../../src/repository/repository.js';
import { ChangingDisk, range } from './support/generations.js';
import { RepositoryLab } from './support/repository-lab.js';

const passphrase = 'correct horse battery staple';

const settings = { packBytes: 256 * 1024, concurrency: 3, retainDays: undefined };

/** Three backups of one volume and one of another, in packs of several grains. */
async function threeGenerations(options = {}) {
  const lab = await RepositoryLab.create(options);
  const disk = new ChangingDisk(600, 8).write(...range(0, 30), 520);
  const streams = new Map<string, Buffer>();
  for (const id of ['b1', 'b2', 'b3']) {
    const bytes = disk.write(3, 40, 520).stream();
    streams.set(id, bytes);
    await lab.storeStream(id, bytes);
  }
  return { lab, streams };
}

const damages = {
  truncated: (bytes: Buffer) => bytes.subarray(0, bytes.length - 1),
  flipped: (bytes: Buffer) => {
    const copy = Buffer.from(bytes);
    const at = Math.floor(bytes.length / 2);
    copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
    return copy;
  },
  emptied: () => Buffer.alloc(0),
  removed: () => undefined,
} as const;

describe.each([
  ['plain', {}],
  ['encrypted', { encryption: { passphrase } }],
])('a repository that is %s', (_kind, options) => {
  test.each(Object.entries(damages))('notices every object that was %s', async (_name, damage) => {
    const { lab, streams } = await threeGenerations(options);
    const { store } = lab;
    for (const key of store.keys.filter((name) => /^(data|map|volumes)\//.test(name))) {
      const object = store.objects.get(key)!;
      const bytes = damage(object.bytes);
      if (bytes === undefined) store.objects.delete(key);
      else store.objects.set(key, { ...object, bytes: Buffer.from(bytes) });

      const isRemovedRecord = bytes === undefined && key.endsWith('/manifest.json');
      const report = await lab.service.verify({ level: 'full' });
      if (!isRemovedRecord) expect(report.damage.map((found) => found.key)).toContain(key);
      // Restored exactly, or not at all.
      for (const [id, whole] of streams) {
        const restored = await lab.restored(id).catch((error: unknown) => error as Error);
        if (Buffer.isBuffer(restored)) expect(restored.equals(whole)).toBe(true);
        else expect(restored).toHaveProperty('code');
      }
      store.objects.set(key, object);
      for (const noted of store.keys.filter((name) => name.startsWith('damaged/'))) store.objects.delete(noted);
    }
    expect((await lab.service.verify({ level: 'full' })).damage).toEqual([]);
  });

  test('notices objects that were exchanged', async () => {
    const { lab, streams } = await threeGenerations(options);
    const { store } = lab;
    for (const prefix of ['data/', 'map/', 'volumes/']) {
      const keys = store.keys.filter((key) => key.startsWith(prefix) && !key.endsWith('.json'));
      for (const [one, other] of keys.map((key, place) => [key, keys[(place + 1) % keys.length]!] as const)) {
        const [first, second] = [store.objects.get(one)!, store.objects.get(other)!];
        store.objects.set(one, second);
        store.objects.set(other, first);
        expect((await lab.service.verify({ level: 'full' })).damage.length).toBeGreaterThanOrEqual(2);
        for (const [id, whole] of streams) {
          const restored = await lab.restored(id).catch(() => undefined);
          if (restored !== undefined) expect(restored.equals(whole)).toBe(true);
        }
        store.objects.set(one, first);
        store.objects.set(other, second);
      }
    }
  });
});

test('all damage is told at once, with the backups it touches', async () => {
  const { lab } = await threeGenerations();
  const gone = lab.store.keys.filter((key) => key.startsWith('data/'));
  for (const key of gone) lab.store.objects.delete(key);
  const { damage } = await lab.service.verify();
  expect(damage.map(({ key }) => key).sort()).toEqual(gone);
  const first = damage.find(({ backups }) => backups.length === 3);
  expect(first?.backups.map(({ backupId }) => backupId).sort()).toEqual(['b1', 'b2', 'b3']);
});

test('the next backup stores anew what was lost, or found broken', async () => {
  for (const damage of [damages.removed, damages.flipped]) {
    const { lab, streams } = await threeGenerations();
    // The first backup's, of which the last one still has most.
    const size = (name: string) => lab.store.objects.get(name)!.bytes.length;
    const [key] = lab.store.keys.filter((name) => name.startsWith('data/')).sort((a, b) => size(b) - size(a));
    const object = lab.store.objects.get(key!)!;
    const bytes = damage(object.bytes);
    if (bytes === undefined) lab.store.objects.delete(key!);
    else lab.store.objects.set(key!, { ...object, bytes });
    await lab.service.verify({ level: 'full' });
    const { increment } = await lab.storeStream('b4', streams.get('b3')!);
    expect(increment.grainsNew).toBeGreaterThan(0);
    expect(increment.reason).toMatch(/not whole/);
    expect((await lab.restored('b4')).equals(streams.get('b3')!)).toBe(true);
  }
});

test('what prevents looking is not taken for damage', async () => {
  const { lab } = await threeGenerations();
  const { store } = lab;
  const before = store.snapshot();
  const { id, vault } = await openRepository(store, undefined, undefined);
  const keysIn = () => Promise.reject(new ThreadError('no thread can be started'));
  const repository = { store, id, vault: { ...vault, keysIn }, ...settings };
  await expect(verifyRepository(repository, { level: 'full' })).rejects.toMatchObject({ code: 'THREAD_FAILED' });
  expect(store.snapshot()).toEqual(before);
});

describe('a pack whose directory tells of other lengths', () => {
  /** Has the first blob of each pack of a kind be a MiB longer, by its directory, than it is. */
  async function lengthened(kind: 'data' | 'map') {
    const { lab, streams } = await threeGenerations();
    const { store } = lab;
    const repository = { store, ...(await openRepository(store, undefined, undefined)), ...settings };
    for (const id of streams.keys()) {
      const record = await findRecord(repository, { id, volumeId: 'v1' }, undefined);
      const root = await readRoot(repository, record!, undefined);
      for (const pack of kind === 'data' ? root.dataPacks : root.mapPacks) {
        const key = packKey(kind, pack.id);
        const object = store.objects.get(key)!;
        const bytes = Buffer.from(object.bytes);
        const at = bytes.length - directoryBytes(pack.blobs);
        bytes.writeUInt32LE((bytes.readUInt32LE(at) | (1 << 20)) >>> 0, at);
        store.objects.set(key, { ...object, bytes });
      }
    }
    return { lab, bytes: streams.get('b3')! };
  }

  test('is damaged, before anything is read by them', async () => {
    const { lab } = await lengthened('data');
    await expect(lab.restored('b3')).rejects.toMatchObject({ code: 'REPOSITORY_DAMAGED' });
    const { damage } = await lab.service.verify({ level: 'full' });
    expect(damage.map(({ problem }) => problem)).toContain('has another directory than was stored');
  });

  test('is healed by the next backup, where it is of the map', async () => {
    const { lab, bytes } = await lengthened('map');
    await lab.storeStream('b4', bytes);
    expect((await lab.restored('b4')).equals(bytes)).toBe(true);
  });
});

describe.each([
  ['plain', undefined],
  ['encrypted', { passphrase }],
])('the packs of a repository that is %s', (_kind, encryption) => {
  async function opened() {
    const { lab } = await threeGenerations({ encryption });
    const { store } = lab;
    const { id, vault } = await openRepository(store, encryption, undefined);
    const repository = { store, id, vault, ...settings };
    const record = await findRecord(repository, { id: 'b1', volumeId: 'v1' }, undefined);
    const { dataPacks } = await readRoot(repository, record!, undefined);
    const packs = new PackReader({ store, vault, kind: 'data', packs: dataPacks, signal: undefined });
    const [first, second] = [0, 1].map((ordinal) => ({ pack: dataPacks[0]!.id, ordinal }));
    return { packs, vault, first: first!, second: second! };
  }

  test('give a blob as often as it is asked for', async () => {
    const { packs, first, second } = await opened();
    const [once, other] = await packs.read([first, second]);
    const again = await packs.read([first, second, first]);
    expect(again.map((blob) => Buffer.from(blob))).toEqual([once, other, once]);
  });

  test('are held against the keys that the map has', async () => {
    const { packs, vault, first, second } = await opened();
    const keys = await vault.keysOf(await packs.read([first, second]));
    const [one, other] = keys as [Uint8Array, Uint8Array];
    expect(await packs.read([{ ...first, key: one }])).toHaveLength(1);
    await expect(packs.read([{ ...first, key: other }])).rejects.toMatchObject({ code: 'REPOSITORY_DAMAGED' });
  });
});

describe('an encrypted repository', () => {
  test('opens with its passphrase, before and after it was wrapped anew, and with no other', async () => {
    const { lab, streams } = await threeGenerations({ encryption: { passphrase } });
    const opened = (encryption?: { passphrase: string }) =>
      new RepositoryBackupService({ store: lab.store, ...(encryption && { encryption }) }).readManifest({
        id: 'b1',
        volumeId: 'v1',
      });
    expect(await opened({ passphrase })).toMatchObject({ backupId: 'b1' });
    await expect(opened({ passphrase: 'another' })).rejects.toMatchObject({ code: 'WRONG_KEY' });
    await expect(opened()).rejects.toMatchObject({ code: 'WRONG_KEY' });
    await lab.service.rewrapKey({ passphrase: 'another' });
    expect(await opened({ passphrase: 'another' })).toMatchObject({ backupId: 'b1' });
    await expect(opened({ passphrase })).rejects.toMatchObject({ code: 'WRONG_KEY' });
    expect((await lab.restored('b3')).equals(streams.get('b3')!)).toBe(true);
  });

  test('opens by functions of the application', async () => {
    const flip = (bytes: Uint8Array) => Promise.resolve(bytes.map((byte) => byte ^ 0x55));
    const { lab } = await threeGenerations({ encryption: { wrap: flip, unwrap: flip } });
    const other = (unwrap: (bytes: Uint8Array) => Promise<Uint8Array>) =>
      new RepositoryBackupService({ store: lab.store, encryption: { wrap: flip, unwrap } }).readManifest({
        id: 'b1',
        volumeId: 'v1',
      });
    expect(await other(flip)).toMatchObject({ backupId: 'b1' });
    await expect(other(() => Promise.resolve(Buffer.alloc(5)))).rejects.toMatchObject({ code: 'WRONG_KEY' });
  });

  test('shows nothing of the grains, and refuses a record that was changed', async () => {
    const { lab, streams } = await threeGenerations({ encryption: { passphrase } });
    const piece = streams.get('b1')!.subarray(70_000, 70_064);
    for (const { bytes } of lab.store.objects.values()) expect(bytes.includes(piece)).toBe(false);
    const key = lab.store.keys.find((name) => name.endsWith('/manifest.json'))!;
    const object = lab.store.objects.get(key)!;
    const bytes = Buffer.from(object.bytes.toString().replace('"streamBytes":', '"streamBytes":1'));
    lab.store.objects.set(key, { ...object, bytes });
    await expect(lab.service.readManifest({ id: 'b1', volumeId: 'v1' })).rejects.toMatchObject({ code: 'WRONG_KEY' });
  });
});
