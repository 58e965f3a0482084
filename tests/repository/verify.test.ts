import { describe, expect, test } from '@jest/globals';
import { StoreError } from '../../src/errors/index.js';
import type { BackupWriter } from '../../src/services/index.js';
import { ChangingDisk, range } from './support/generations.js';
import { manifestFor, RepositoryLab } from './support/repository-lab.js';

const day = 25;

/** Does something as soon as a verification has listed what begins with the prefix. */
function onceListed({ store }: RepositoryLab, prefix: string, act: () => void): void {
  const list = store.list.bind(store);
  let isDone = false;
  store.list = async function* (of, options) {
    yield* list(of, options);
    if (of !== prefix || isDone) return;
    isDone = true;
    act();
  };
}

/** A repository whose second backup shares with the first, which is gone, a fifth of the grains; their pack was rewritten. */
async function rewritten(): Promise<{ readonly lab: RepositoryLab; readonly rewriting: string }> {
  const lab = await RepositoryLab.create();
  const disk = smallDisk();
  await lab.storeStream('b1', disk.stream());
  await lab.storeStream('b2', disk.write(...range(0, 25)).stream());
  await lab.service.delete({ id: 'b1', volumeId: 'v1' });
  for (let run = 0; run < 3; run++) {
    await lab.service.collectGarbage({ maxRepackBytes: Infinity });
    lab.store.pass(day);
  }
  const [rewriting = ''] = lab.store.keys.filter((key) => /^data\/.*\./.test(key));
  return { lab, rewriting };
}

const smallDisk = () => new ChangingDisk(600, 8).write(...range(0, 30));
const keysOf = ({ store }: RepositoryLab, pattern: RegExp): string[] => store.keys.filter((key) => pattern.test(key));
const notesOf = (lab: RepositoryLab): string[] => keysOf(lab, /^damaged\//);

test.each([
  ['data/', 'full'],
  ['map/', 'full'],
  ['volumes/', 'existence'],
] as const)('what a store has with other bytes below %s is damage, and ends no verification', async (prefix, level) => {
  const lab = await RepositoryLab.create();
  const disk = smallDisk();
  await lab.storeStream('b1', disk.stream(), 'v1');
  await lab.storeStream('b2', disk.stream(), 'v2');
  const [broken = ''] = lab.store.keys.filter((key) => key.startsWith(prefix));
  const get = lab.store.get.bind(lab.store);
  lab.store.get = (key, options) =>
    key === broken ? Promise.reject(new StoreError('integrity', `${key}: other bytes`)) : get(key, options);
  const { damage, packs } = await lab.service.verify({ level });
  expect(damage.map(({ key }) => key)).toContain(broken);
  expect(packs).toBeGreaterThan(0);
});

describe('what is deleted while a verification runs is no damage', () => {
  test.each(['data/', 'map/'])('a pack whose rewriting takes its place once %s was listed', async (prefix) => {
    const { lab, rewriting } = await rewritten();
    const own = rewriting.replace(/\..*/, '');
    expect(lab.store.keys).toContain(own);
    onceListed(lab, prefix, () => lab.store.objects.delete(own));
    expect(await lab.service.verify({ level: 'full' })).toMatchObject({ damage: [], backups: 1 });
    expect(notesOf(lab)).toEqual([]);
  });

  test('a rewriting whose place a shorter one takes', async () => {
    const { lab, rewriting } = await rewritten();
    lab.store.objects.delete(rewriting.replace(/\..*/, ''));
    onceListed(lab, 'map/', () => {
      lab.store.objects.set(`${rewriting.slice(0, -24)}${'0'.repeat(24)}`, lab.store.objects.get(rewriting)!);
      lab.store.objects.delete(rewriting);
    });
    expect(await lab.service.verify({ level: 'full' })).toMatchObject({ damage: [] });
    expect(notesOf(lab)).toEqual([]);
  });

  test.each([
    ['existence', 'volumes/'],
    ['full', 'volumes/'],
    ['full', 'map/'],
  ] as const)('a backup and all it needs (%s, once %s was listed)', async (level, prefix) => {
    const lab = await RepositoryLab.create();
    const disk = smallDisk();
    await lab.storeStream('b1', disk.stream(), 'v1');
    const kept = new Set(lab.store.keys);
    await lab.storeStream('b2', disk.write(1).stream(), 'v2');
    onceListed(lab, prefix, () => {
      for (const key of lab.store.keys) if (!kept.has(key)) lab.store.objects.delete(key);
    });
    expect(await lab.service.verify({ level })).toMatchObject({ damage: [], backups: 2 });
    expect(notesOf(lab)).toEqual([]);
  });

  test('and where another backup needs what is missing, only that is told', async () => {
    const lab = await RepositoryLab.create();
    const disk = smallDisk();
    await lab.storeStream('b1', disk.stream());
    await lab.storeStream('b2', disk.write(1).stream());
    const [pack = ''] = keysOf(lab, /^data\//);
    onceListed(lab, 'map/', () => {
      for (const key of [pack, ...keysOf(lab, /^volumes\/i-v1\/i-b1\//)]) lab.store.objects.delete(key);
    });
    const { damage } = await lab.service.verify({ level: 'full' });
    expect(damage.map(({ key }) => key)).toContain(pack);
    for (const { backups } of damage) expect(backups).toEqual([{ backupId: 'b2', volumeId: 'v1' }]);
    expect(notesOf(lab)).toHaveLength(1);
  });
});

describe('the note on a broken pack', () => {
  async function noted(begin?: (lab: RepositoryLab) => Promise<void>) {
    const lab = await RepositoryLab.create();
    const disk = smallDisk();
    await lab.storeStream('b1', disk.stream());
    await begin?.(lab);
    const [pack = ''] = keysOf(lab, /^data\//);
    const whole = lab.store.objects.get(pack)!;
    lab.store.objects.set(pack, { ...whole, bytes: Buffer.from(whole.bytes).fill(0, 0, 10) });
    await lab.service.verify({ level: 'full' });
    expect(notesOf(lab)).toHaveLength(1);
    const mend = () => lab.store.objects.set(pack, whole);
    return { lab, disk, mend };
  }

  test('goes once the pack is read and is whole: its grains are shared again', async () => {
    const { lab, disk, mend } = await noted();
    await lab.service.verify({ level: 'full' });
    expect(notesOf(lab)).toHaveLength(1);
    mend();
    // It only looks whether the pack is there.
    await lab.service.verify({ level: 'existence' });
    expect(notesOf(lab)).toHaveLength(1);
    await lab.service.verify({ level: 'full' });
    expect(notesOf(lab)).toEqual([]);
    const { increment } = await lab.storeStream('b2', disk.write(1).stream());
    expect(increment).toMatchObject({ grainsNew: 1, grainsSame: 29 });
    expect(increment.reason).toBeUndefined();
  });

  test('goes once no backup needs the pack', async () => {
    const { lab } = await noted();
    await lab.service.delete({ id: 'b1', volumeId: 'v1' });
    await lab.service.verify();
    expect(notesOf(lab)).toEqual([]);
  });

  test('stays while a backup runs that began before it, and may share what is in the pack', async () => {
    let writer: BackupWriter | undefined;
    const { lab, disk } = await noted(async ({ service }) => {
      writer = await service.openBackup({ id: 'b2', volumeId: 'v1' });
    });
    await lab.service.delete({ id: 'b1', volumeId: 'v1' });
    await lab.service.verify();
    const bytes = disk.stream();
    await writer!.write(bytes);
    await writer!.commit(manifestFor('b2', 'v1', bytes));
    await lab.storeStream('b3', bytes);
    expect((await lab.restored('b3')).equals(bytes)).toBe(true);
    // Now the backup itself needs it.
    await lab.service.verify();
    expect(notesOf(lab)).toHaveLength(1);
    await lab.service.delete({ id: 'b2', volumeId: 'v1' });
    await lab.service.verify();
    expect(notesOf(lab)).toEqual([]);
  });

  test.each([/\/root$/, /manifest\.json$/])(
    'stays while a backup cannot be read that may need the pack: %s',
    async (unreadable) => {
      const { lab, disk } = await noted();
      const [key = ''] = keysOf(lab, unreadable);
      const sound = lab.store.objects.get(key)!;
      lab.store.objects.set(key, { ...sound, bytes: Buffer.from(sound.bytes).fill(0, 0, 10) });
      expect(await lab.service.verify()).toMatchObject({ backups: 0, damage: [{ key }] });
      expect(notesOf(lab)).toHaveLength(1);
      lab.store.objects.set(key, sound);
      const bytes = disk.write(1).stream();
      await lab.storeStream('b2', bytes);
      expect((await lab.restored('b2')).equals(bytes)).toBe(true);
    },
  );

  test('stays where it cannot be removed, which fails nothing', async () => {
    const { lab, mend } = await noted();
    mend();
    lab.store.delete = () => Promise.reject(new Error('access denied'));
    expect(await lab.service.verify({ level: 'full' })).toMatchObject({ damage: [] });
    expect(notesOf(lab)).toHaveLength(1);
  });
});

test('packs that are missing or of another length are not told as read', async () => {
  const lab = await RepositoryLab.create({ packBytes: 64 * 1024 });
  await lab.storeStream('b1', new ChangingDisk(600).write(...range(0, 60)).stream());
  const [missing = '', shorter = '', broken = '', ...whole] = keysOf(lab, /^(?:data|map)\//);
  expect(whole.length).toBeGreaterThan(0);
  lab.store.objects.delete(missing);
  const bytesOf = (key: string) => Buffer.from(lab.store.objects.get(key)!.bytes);
  await lab.store.put(shorter, bytesOf(shorter).subarray(1));
  await lab.store.put(broken, bytesOf(broken).fill(0, 0, 10));
  const report = await lab.service.verify({ level: 'full' });
  expect(report).toMatchObject({ packs: whole.length + 3, packsRead: whole.length + 1 });
  expect(report.damage.map(({ key }) => key)).toEqual(expect.arrayContaining([missing, shorter, broken]));
});

test('a full verification takes each root anew when its turn comes, and holds none meanwhile', async () => {
  const lab = await RepositoryLab.create();
  await lab.storeStream('b1', smallDisk().stream());
  const get = lab.store.get.bind(lab.store);
  const roots: string[] = [];
  lab.store.get = (key, options) => {
    if (key.endsWith('/root')) roots.push(key);
    return get(key, options);
  };
  await lab.service.verify();
  expect(roots).toHaveLength(1);
  await lab.service.verify({ level: 'full' });
  expect(roots).toHaveLength(3);
});
