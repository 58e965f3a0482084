import { execFile } from 'node:child_process';
import { inspect, promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { RepositoryBackupService } from '../../src/repository/index.js';
import { MemoryObjectStore } from '../testing/memory-object-store.js';
import { ChangingDisk, range } from './support/generations.js';
import { RepositoryLab } from './support/repository-lab.js';

const b1 = { id: 'b1', volumeId: 'v1' };
const file = { path: '/nowhere' };

/** A repository of which a part is garbage, and locked by nothing. */
async function withGarbage() {
  const lab = await RepositoryLab.create({ encryption: { passphrase: 'of the test' } });
  const disk = new ChangingDisk(600, 8).write(...range(0, 30));
  await lab.storeStream('b1', disk.stream());
  await lab.storeStream('b2', disk.write(...range(0, 30)).stream());
  await lab.service.delete(b1);
  lab.store.pass(25);
  await lab.service.collectGarbage();
  return lab;
}

type Service = Readonly<Record<keyof RepositoryBackupService, (...given: unknown[]) => unknown>>;

/** Each method, with its last argument left out. */
const methods: readonly (readonly [keyof RepositoryBackupService, ...unknown[]])[] = [
  ['initialize'],
  ['backup', b1, file],
  ['openBackup', b1],
  ['restore', b1, 'v1', file],
  ['openRestore', b1],
  ['delete', b1],
  ['readManifest', b1],
  ['list'],
  ['applyRetention', { keepLast: 1 }],
  ['collectGarbage'],
  ['verify'],
  ['copyTo', new RepositoryBackupService({ store: new MemoryObjectStore() }), b1],
  ['rewrapKey', { passphrase: 'another' }],
];
const strict = [
  ['collectGarbage', { graceMs: NaN }],
  ['collectGarbage', { graceMs: -1 }],
  ['collectGarbage', { graceMs: '24' }],
  ['collectGarbage', { maxRepackBytes: NaN }],
  ['collectGarbage', { dryRun: 'no' }],
  ['collectGarbage', { dryrun: true }],
  ['verify', { level: 'ful' }],
  ['verify', { sample: 0 }],
  ['verify', { sample: NaN }],
  ['verify', { sample: 2 }],
  ['verify', { levle: 'full' }],
  ['verify', { onProgress: true }],
  ['applyRetention', { keepLast: 1 }, { dryRun: 1 }],
  ['applyRetention', { keepLast: 1 }, { dryrun: true }],
  ['applyRetention', { keepLast: 1 }, { volumeId: 7 }],
  ['list', { volumeId: 7 }],
  ['restore', b1, 'v1', file, { onProgress: 'yes' }],
] as const;
const unnamed = [undefined, null, {}, 'b1', { id: 'b1' }, { id: '', volumeId: 'v1' }, { id: 7, volumeId: 'v1' }];

const refused: readonly (readonly [string, keyof RepositoryBackupService, readonly unknown[]])[] = [
  ...methods.flatMap(([method, ...given]) =>
    [null, 7, 'all', { signal: {} }, { signal: null }, { signal: { aborted: false, addEventListener: () => {} } }].map(
      (options) => ['options', method, [...given, options]] as const,
    ),
  ),
  ...strict.map(([method, ...given]) => ['options', method, given] as const),
  ...unnamed.flatMap((backup) => [
    ...(['openBackup', 'openRestore', 'delete', 'readManifest'] as const).map(
      (method) => ['backup', method, [backup]] as const,
    ),
    ['backup', 'backup', [backup, file]] as const,
    ['backup', 'restore', [backup, 'v1', file]] as const,
  ]),
  ...[undefined, null, {}, { path: 7 }, { path: '' }].flatMap((given) => [
    ['file', 'backup', [b1, given]] as const,
    ['file', 'restore', [b1, 'v1', given]] as const,
  ]),
  ...[undefined, null, {}, 'another'].map((other) => ['other', 'copyTo', [other, b1]] as const),
];

test('what is not an argument is refused by name, before anything is done', async () => {
  const { service, store } = await withGarbage();
  const before = store.snapshot();
  for (const [field, method, given] of refused) {
    const call = async (): Promise<unknown> => {
      const result = (service as unknown as Service)[method](...given);
      return method === 'list' ? (result as AsyncGenerator).next() : result;
    };
    const what = `${method}(${given.map((value) => inspect(value)).join(', ')})`;
    const error: unknown = await call().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect({ what, error }).toMatchObject({
      what,
      error: { code: 'INVALID_INPUT', field: expect.stringMatching(new RegExp(`^${field}\\b`)) },
    });
  }
  expect(store.snapshot()).toEqual(before);
});

test.each([undefined, null, {}, { put: () => {} }, 'file:/backups'])('%j is refused for a store', (store) => {
  expect(() => new RepositoryBackupService({ store } as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', field: expect.stringMatching(/^options\.store\b/) }),
  );
});

test('a listener that throws or rejects costs nothing', async () => {
  // In a process of its own: a rejection nobody handles would end it.
  const program = `
    import { mkdtemp, rm, writeFile } from 'node:fs/promises';
    import { tmpdir } from 'node:os';
    import { join } from 'node:path';
    import { setImmediate } from 'node:timers/promises';
    import { RepositoryBackupService } from './src/repository/index.ts';
    import { MemoryObjectStore } from './tests/testing/memory-object-store.ts';
    const directory = await mkdtemp(join(tmpdir(), 'repository-listeners-'));
    const path = join(directory, 'volume');
    const service = new RepositoryBackupService({ store: new MemoryObjectStore() });
    await service.initialize();
    const backup = { id: 'b1', volumeId: 'v1' };
    const writer = await service.openBackup(backup);
    await writer.write(Buffer.alloc(300_000, 7));
    await writer.commit();
    let calls = 0;
    const listeners = [
      () => { calls += 1; throw new Error('no terminal'); },
      async () => { calls += 1; throw new Error('no terminal'); },
    ];
    for (const onProgress of listeners) {
      await writeFile(path, '');
      await service.restore(backup, 'v1', { path }, { onProgress });
      await service.verify({ onProgress });
      await setImmediate();
    }
    await rm(directory, { recursive: true });
    console.log(calls >= 4 ? 'alive' : 'not called');`;
  const args = ['--import', './scripts/ts-node.mjs', '--input-type=module', '--eval', program];
  expect((await promisify(execFile)(process.execPath, args)).stdout).toBe('alive\n');
});

test('care may have no limits, and tells how far it is', async () => {
  const lab = await RepositoryLab.create();
  const { service, store } = lab;
  for (const id of ['a', 'b']) await lab.storeStream(id, new ChangingDisk(600, 8).write(...range(0, 30)).stream());
  const told: object[] = [];
  const onProgress = (progress: object) => told.push(progress);
  await service.applyRetention({ keepLast: 1 }, { onProgress });
  expect(told.splice(0)).toEqual([1, 2].map((backupsDone) => ({ backupsDone, backupsTotal: 2 })));
  const limits = { graceMs: 0, maxRepackBytes: Infinity };
  await service.collectGarbage(limits);
  store.pass(30);
  expect((await service.collectGarbage({ graceMs: Infinity })).deleted).toBe(0);
  await service.collectGarbage({ ...limits, onProgress });
  expect(told.splice(0)).toMatchObject([{ objectsDone: expect.any(Number) }]);
  const other = await RepositoryLab.create();
  let left = '';
  for await (const { id } of service.list()) left = id;
  await service.copyTo(other.service, { id: left, volumeId: 'v1' }, { onProgress });
  const bytesTotal = (await lab.restored(left)).length;
  expect(told.at(-1)).toEqual({ bytesDone: bytesTotal, bytesTotal });
});
