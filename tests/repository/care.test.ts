import { describe, expect, test } from '@jest/globals';
import { applyRetention } from '../../src/repository/care/apply-retention.js';
import { collectGarbage } from '../../src/repository/care/collect-garbage.js';
import { RepositoryBackupService } from '../../src/repository/index.js';
import { plainVault } from '../../src/repository/vault/plain-vault.js';
import { MemoryObjectStore } from '../testing/memory-object-store.js';
import { ChangingDisk, range } from './support/generations.js';
import { manifestFor, RepositoryLab } from './support/repository-lab.js';

const disk = () => new ChangingDisk(600, 8).write(...range(0, 30), 520);

describe('a repository', () => {
  test('is created by initialize() and by nothing else', async () => {
    const store = new MemoryObjectStore();
    const service = new RepositoryBackupService({ store });
    const backup = { id: 'b1', volumeId: 'v1' };
    await expect(service.openBackup(backup)).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'no-container' });
    await expect(service.readManifest(backup)).rejects.toThrow(/initialize\(\)/);
    expect(store.objects.size).toBe(0);
    expect(await service.initialize()).toEqual({ created: true });
    expect(await service.initialize()).toEqual({ created: false });
    expect(await service.readManifest(backup)).toBeUndefined();
  });

  test('refuses options it does not know, and locks the store cannot keep', () => {
    const store = new MemoryObjectStore();
    const make = (options: object) => () => new RepositoryBackupService({ store, ...options });
    expect(make({ compression: 'zstd' })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
    store.capabilities = {};
    expect(make({ retainDays: 3 })).toThrow(expect.objectContaining({ field: 'options.retainDays' }));
  });

  test('copies a backup into another one', async () => {
    const [lab, other] = [await RepositoryLab.create(), await RepositoryLab.create()];
    const bytes = disk().stream();
    await lab.storeStream('b1', bytes);
    await lab.service.copyTo(other.service, { id: 'b1', volumeId: 'v1' });
    expect((await other.restored('b1')).equals(bytes)).toBe(true);
    expect(await other.service.readManifest({ id: 'b1', volumeId: 'v1' })).toMatchObject({ streamBytes: bytes.length });
  });
});

test('a copy has the manifest of the bytes that were copied, though another backup took the place of theirs', async () => {
  const [lab, other] = [await RepositoryLab.create(), await RepositoryLab.create()];
  const bytes = disk().stream();
  await lab.storeStream('b1', bytes);
  const { put } = other.store;
  let replaced: Promise<unknown> | undefined;
  other.store.put = async (...given) => {
    // As the copy begins: the bytes to copy are chosen by then.
    await (replaced ??= lab.storeStream('b1', disk().write(7).stream()));
    return put.apply(other.store, given);
  };
  await lab.service.copyTo(other.service, { id: 'b1', volumeId: 'v1' });
  expect(await other.restored('b1')).toEqual(bytes);
  const { sha256 } = manifestFor('b1', 'v1', bytes);
  expect(await other.service.readManifest({ id: 'b1', volumeId: 'v1' })).toMatchObject({ sha256 });
});

test('garbage that another collection deletes at the same moment is not told as deleted twice', async () => {
  const lab = await RepositoryLab.create();
  const { store, service } = lab;
  await lab.storeStream('b1', disk().stream());
  await service.delete({ id: 'b1', volumeId: 'v1' });
  store.pass(25);
  expect((await service.collectGarbage()).marked).toBeGreaterThan(0);
  store.pass(25);
  const all = store.delete.bind(store);
  store.delete = async (keys) => {
    if (keys.some((key) => key.startsWith('data/'))) await all(keys);
    return all(keys);
  };
  expect(await service.collectGarbage()).toMatchObject({ deleted: 0, deletedBytes: 0, failed: 0, retained: 0 });
  expect(store.keys).toEqual(['repository.json']);
});

describe('garbage', () => {
  test('is marked by one run and deleted by a later one, a grace apart', async () => {
    const lab = await RepositoryLab.create();
    const changing = disk();
    await lab.storeStream('b1', changing.stream());
    await lab.storeStream('b2', changing.write(...range(0, 30)).stream());
    await lab.service.delete({ id: 'b1', volumeId: 'v1' });
    expect(await lab.service.collectGarbage()).toMatchObject({ deleted: 0, marked: 0 });
    lab.store.pass(25);
    expect(await lab.service.collectGarbage({ dryRun: true })).toMatchObject({
      deleted: 0,
      marked: expect.any(Number),
    });
    const { marked } = await lab.service.collectGarbage();
    expect(marked).toBeGreaterThan(0);
    expect(await lab.service.collectGarbage()).toMatchObject({ deleted: 0 });
    lab.store.pass(25);
    expect(await lab.service.collectGarbage()).toMatchObject({ deleted: marked, marked: 0, failed: 0, retained: 0 });
    expect(await lab.restored('b2')).toEqual(changing.stream());
  });

  test('is none of a backup that is running for days', async () => {
    const lab = await RepositoryLab.create();
    const bytes = disk().stream();
    const writer = await lab.service.openBackup({ id: 'b1', volumeId: 'v1' });
    await writer.write(bytes);
    for (let run = 0; run < 4; run++) {
      lab.store.pass(23);
      // A sign of life, as a living writer gives one each minute.
      const key = lab.store.keys.find((name) => name.startsWith('writers/'))!;
      lab.store.objects.set(key, { ...lab.store.objects.get(key)!, lastModified: lab.store.now() });
      await lab.service.collectGarbage();
    }
    await writer.commit(manifestFor('b1', 'v1', bytes));
    expect(await lab.restored('b1')).toEqual(bytes);
  });

  test('is all that a writer that died had put', async () => {
    const lab = await RepositoryLab.create();
    const before = lab.store.snapshot();
    const writer = await lab.service.openBackup({ id: 'b1', volumeId: 'v1' });
    await writer.write(
      disk()
        .write(...range(100, 400))
        .stream(),
    );
    for (let run = 0; run < 3; run++) {
      lab.store.pass(25);
      await lab.service.collectGarbage();
    }
    expect(lab.store.snapshot()).toEqual(before);
    await writer.abort();
  });

  test('that is locked is counted as retained, and deleted once it is not', async () => {
    const lab = await RepositoryLab.create({ retainDays: 10 });
    lab.store.now = () => new Date();
    const changing = disk();
    await lab.storeStream('b1', changing.stream());
    await lab.storeStream('b2', changing.write(1).stream());
    for (const key of lab.store.keys.filter((name) => /^(data|map)\//.test(name))) {
      expect(lab.store.objects.get(key)?.retainUntil?.getTime()).toBeGreaterThan(Date.now() + 9 * 86_400_000);
    }
    await expect(lab.service.delete({ id: 'b1', volumeId: 'v1' })).rejects.toThrow(/locked/);
    const [decision] = (await lab.service.applyRetention({ keepLast: 1 })).filter(({ backupId }) => backupId === 'b1');
    expect(decision).toMatchObject({ keep: true, reasons: [expect.stringMatching(/locked/)] });
  });
});

describe('retention', () => {
  async function dailyBackups(days: number): Promise<RepositoryLab> {
    const lab = await RepositoryLab.create();
    const changing = disk();
    for (let day = 0; day < days; day++) {
      await lab.storeStream(`b${day}`, changing.write(day).stream());
      lab.store.pass(24);
    }
    return lab;
  }
  const left = async (lab: RepositoryLab) => {
    const ids: string[] = [];
    for await (const { id } of lab.service.list()) ids.push(id);
    return ids.sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
  };

  test.each([
    [{ keepWithinDays: 1 }, ['b1', 'b2']],
    [{ keepLast: 1 }, ['b2']],
    [{ daily: 1, monthly: 1 }, ['b2']],
  ])('by %j goes by no backup that is dated in the future, and keeps it', async (policy, kept) => {
    const lab = await dailyBackups(3);
    const { now } = lab.store;
    lab.store.now = () => new Date('2036-02-07T06:28:16Z');
    await lab.storeStream('b10', disk().stream());
    lab.store.now = now;
    const before = lab.store.snapshot();
    const plan = await lab.service.applyRetention(policy, { dryRun: true });
    expect(lab.store.snapshot()).toEqual(before);
    expect(plan.find(({ backupId }) => backupId === 'b10')).toMatchObject({
      keep: true,
      reasons: ['dated in the future'],
    });
    expect(await lab.service.applyRetention(policy)).toEqual(plan);
    expect(await left(lab)).toEqual([...kept, 'b10']);
  });

  test('deletes nothing where the store does not tell its time, whose look a collection removes', async () => {
    const lab = await dailyBackups(3);
    const before = lab.store.keys;
    const { delete: remove, stat } = lab.store;
    lab.store.delete = () => Promise.reject(new Error('access denied'));
    lab.store.stat = () => Promise.resolve(undefined);
    await expect(lab.service.applyRetention({ keepLast: 1 })).rejects.toMatchObject({ code: 'STORE_FAILED' });
    Object.assign(lab.store, { delete: remove, stat });
    expect(lab.store.keys.filter((key) => !before.includes(key))).toEqual([expect.stringMatching(/^gc\//)]);
    lab.store.pass(25);
    await lab.service.collectGarbage();
    expect(lab.store.keys).toEqual(before);
  });

  test('tells what it would do, and why', async () => {
    const lab = await dailyBackups(10);
    const plan = await lab.service.applyRetention({ keepLast: 2, weekly: 2, pinned: ['b0'] }, { dryRun: true });
    expect(await left(lab)).toHaveLength(10);
    const kept = Object.fromEntries(
      plan.filter(({ keep }) => keep).map(({ backupId, reasons }) => [backupId, reasons]),
    );
    // The first of January 2026 was a Thursday: b3 is of the Sunday that ended its week.
    expect(kept).toEqual({
      b9: ['one of the last 2', 'the newest of its week'],
      b8: ['one of the last 2'],
      b3: ['the newest of its week'],
      b0: ['pinned'],
    });
  });

  test('deletes what no rule keeps, and what is left restores', async () => {
    const lab = await dailyBackups(10);
    await lab.service.applyRetention({ daily: 3, keepWithinDays: 4 });
    expect(await left(lab)).toEqual(['b5', 'b6', 'b7', 'b8', 'b9']);
    for (let run = 0; run < 3; run++) {
      lab.store.pass(25);
      await lab.service.collectGarbage();
    }
    expect((await lab.service.verify({ level: 'full' })).damage).toEqual([]);
  });

  test('leaves a backup alone that took the place of one that is to go', async () => {
    const lab = await dailyBackups(3);
    const { list } = lab.store;
    const bytes = disk().write(9).stream();
    lab.store.list = async function* (...given) {
      yield* list.apply(lab.store, given);
      // All that is to be decided about has been read.
      lab.store.list = list;
      await lab.storeStream('b0', bytes);
    };
    const decisions = await lab.service.applyRetention({ keepLast: 1 });
    expect(decisions.find(({ backupId }) => backupId === 'b0')).toMatchObject({
      keep: true,
      reasons: ['another backup has taken its place since'],
    });
    expect(await left(lab)).toEqual(['b0', 'b2']);
    expect((await lab.restored('b0')).equals(bytes)).toBe(true);
  });

  test.each([{}, { pinned: ['b1'] }, { keepLast: 0 }, { hourly: 3 }])('refuses %j', async (policy: object) => {
    const lab = await dailyBackups(1);
    await expect(lab.service.applyRetention(policy)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(await left(lab)).toHaveLength(1);
  });
});

test('an object whose time is not known is not old: nothing goes for that', async () => {
  const lab = await RepositoryLab.create();
  const { store, service } = lab;
  const changing = disk();
  await lab.storeStream('b1', changing.stream());
  await lab.storeStream('b2', changing.write(...range(0, 30)).stream());
  await service.delete({ id: 'b1', volumeId: 'v1' });
  store.pass(25);
  await service.collectGarbage();
  const writer = await service.openBackup({ id: 'b3', volumeId: 'v1' });
  store.pass(25);
  const before = store.snapshot();
  const list = store.list.bind(store);
  store.list = async function* (prefix, options) {
    for await (const info of list(prefix, options)) yield { ...info, lastModified: new Date(NaN) };
  };
  // Without the service: it does not let such a time in.
  const { id } = JSON.parse(store.objects.get('repository.json')!.bytes.toString()) as { readonly id: string };
  const repository = { store, id, vault: plainVault, packBytes: 65_536, concurrency: 1, retainDays: undefined };
  expect(await collectGarbage(repository)).toMatchObject({ deleted: 0, marked: 0 });
  expect(await applyRetention(repository, { keepLast: 1, daily: 1, keepWithinDays: 1 }, {})).toEqual([]);
  expect(store.snapshot()).toEqual(before);
  await writer.abort();
});
