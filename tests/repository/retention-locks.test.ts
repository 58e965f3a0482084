import { describe, expect, test } from '@jest/globals';
import { RepositoryBackupService } from '../../src/repository/index.js';
import { ChangingDisk, range } from './support/generations.js';
import { manifestFor, RepositoryLab, type SteppedStore } from './support/repository-lab.js';

const flip = (bits: number) => async (bytes: Uint8Array) => bytes.map((byte) => byte ^ bits);
/** Key services: a passphrase would take its time each time. */
const one = { wrap: flip(0x55), unwrap: flip(0x55) };
const another = { wrap: flip(0x33), unwrap: flip(0x33) };
const dayMs = 24 * 60 * 60 * 1000;

/** For how many days each object is locked, by the clock that locks are made by. */
function locks({ objects }: SteppedStore, prefix = ''): Record<string, number> {
  return Object.fromEntries(
    [...objects]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, { retainUntil }]) => [key, Math.round(((retainUntil?.getTime() ?? 0) - Date.now()) / dayMs)]),
  );
}

const disk = () => new ChangingDisk(600, 8).write(...range(0, 30));

async function store(service: RepositoryBackupService, id: string, bytes: Buffer): Promise<void> {
  const writer = await service.openBackup({ id, volumeId: 'v1' });
  await writer.write(bytes);
  await writer.commit(manifestFor(id, 'v1', bytes));
}

describe.each([
  ['plain', {}],
  ['encrypted', { encryption: one }],
])('a repository that is %s', (_kind, options) => {
  test('locks every object that a backup needs, and never for a shorter time', async () => {
    const lab = await RepositoryLab.create({ ...options, retainDays: 10 });
    const changing = disk();
    await lab.storeStream('b1', changing.stream());
    const first = locks(lab.store);
    expect(Object.keys(first).length).toBeGreaterThan(4);
    expect(new Set(Object.values(first))).toEqual(new Set([10]));

    const longer = new RepositoryBackupService({ ...options, store: lab.store, retainDays: 20 });
    const bytes = changing.write(3).stream();
    await store(longer, 'b2', bytes);
    const needed = (key: string): boolean => !key.startsWith('volumes/i-v1/i-b1/');
    const second = Object.entries(locks(lab.store)).filter(([key]) => needed(key));
    // The first backup's map is its own, since a page of it has changed.
    const extended = second.filter(([key]) => !(key in first) || !key.startsWith('map/'));
    expect(new Set(extended.map(([, days]) => days))).toEqual(new Set([20]));

    await lab.storeStream('b3', bytes);
    const third = locks(lab.store);
    for (const [key, days] of extended) expect(third[key]).toBe(days);
  });
});

describe('the key of a repository', () => {
  test('that stayed when it was wrapped anew is not kept by those who do not need it', async () => {
    const lab = await RepositoryLab.create({ encryption: one, retainDays: 10 });
    await lab.storeStream('b1', disk().stream());
    const [old = ''] = Object.keys(locks(lab.store, 'keys/'));
    await expect(lab.service.rewrapKey(another)).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'retained' });
    const service = new RepositoryBackupService({ store: lab.store, encryption: another, retainDays: 20 });
    await store(service, 'b2', disk().stream());
    const { [old]: stayed, ...others } = locks(lab.store, 'keys/');
    expect(stayed).toBe(10);
    expect(Object.values(others)).toEqual([20]);
  });

  test('is locked also by a service that was open when it was wrapped anew', async () => {
    const lab = await RepositoryLab.create({ encryption: one, retainDays: 10 });
    // Opens it.
    expect(await lab.service.readManifest({ id: 'b1', volumeId: 'v1' })).toBeUndefined();
    await lab.service.rewrapKey(another);
    await lab.storeStream('b1', disk().stream());
    expect(Object.values(locks(lab.store, 'keys/'))).toEqual([10]);
  });

  test('that goes while those that are there are locked keeps no backup', async () => {
    const lab = await RepositoryLab.create({ encryption: one, retainDays: 10 });
    // Opens it.
    expect(await lab.service.readManifest({ id: 'b1', volumeId: 'v1' })).toBeUndefined();
    await lab.service.rewrapKey(another);
    const [current = ''] = Object.keys(locks(lab.store, 'keys/'));
    // The first that is listed.
    const going = 'keys/0.json';
    lab.store.objects.set(going, { ...lab.store.objects.get(current)! });
    const extend = lab.store.extendRetention.bind(lab.store);
    lab.store.extendRetention = async (key, until) => {
      if (key === going) lab.store.objects.delete(going);
      return extend(key, until);
    };
    await lab.storeStream('b1', disk().stream());
    expect(locks(lab.store, 'keys/')).toEqual({ [current]: 10 });
  });

  test('that is lost lets no backup be locked that nobody could read', async () => {
    const lab = await RepositoryLab.create({ encryption: one, retainDays: 10 });
    const writer = await lab.service.openBackup({ id: 'b1', volumeId: 'v1' });
    for (const key of lab.store.keys.filter((name) => name.startsWith('keys/'))) lab.store.objects.delete(key);
    const bytes = disk().stream();
    await writer.write(bytes);
    await expect(writer.commit(manifestFor('b1', 'v1', bytes))).rejects.toMatchObject({ code: 'REPOSITORY_DAMAGED' });
    expect(await lab.service.readManifest({ id: 'b1', volumeId: 'v1' })).toBeUndefined();
  });
});
