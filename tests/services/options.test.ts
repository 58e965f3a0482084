import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type BackupService,
  FileBackupService,
  ObjectBackupService,
  RbdBackupService,
  TsmBackupService,
} from '../../src/services/index.js';
import { FileObjectStore, type ObjectStore, S3ObjectStore, SwiftObjectStore } from '../../src/stores/index.js';
import { manifestOf } from '../../src/testing/backup-service/sample-backup.js';

const backup = { id: 'backup-1', volumeId: 'volume-1' };
const bytes = randomBytes(3 * 1024 * 1024);
let directory: string;
let source: { path: string };
let target: { path: string };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'service-options-'));
  source = { path: join(directory, 'source') };
  target = { path: join(directory, 'target') };
  await writeFile(source.path, bytes);
});
afterEach(() => rm(directory, { recursive: true }));

const fileService = () => new FileBackupService({ directory: join(directory, 'backups') });
const objectService = () =>
  new ObjectBackupService({ store: new FileObjectStore({ directory: join(directory, 'objects') }) });
const rest = async (items: AsyncIterable<unknown>) => {
  const iterator = items[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
};

const hostile = {
  get signal(): AbortSignal {
    throw new Error('no');
  },
};
const wrong: [string, unknown, string][] = [
  ['null', null, 'options'],
  ['a signal that is none', { signal: {} }, 'options.signal'],
  ['a signal that cannot be read', hostile, 'options'],
];

describe.each<[string, () => BackupService & { sweep?: (options: never) => Promise<number> }]>([
  ['FileBackupService', fileService],
  ['ObjectBackupService', objectService],
  // No such program is started.
  ['RbdBackupService', () => new RbdBackupService({ pool: 'pool', program: join(directory, 'missing') })],
  ['TsmBackupService', () => new TsmBackupService({ directory, program: join(directory, 'missing') })],
])('%s', (_, make) => {
  it.each([...wrong, ['a listener that is none', { onProgress: 5 }, 'options.onProgress'] as const])(
    'refuses %s as options, and leaves nothing',
    async (__, given, field) => {
      const service = make();
      const options = given as never;
      const calls: (() => Promise<unknown> | undefined)[] = [
        () => service.backup(backup, source, options),
        () => service.restore(backup, 'volume-2', target, options),
        () => service.delete!(backup, options),
        () => service.readManifest!(backup, options),
        () => service.openBackup?.(backup, options),
        () => service.openRestore?.(backup, options),
        () => service.sweep?.(options),
      ];
      // The options of a list have no listener.
      if (field !== 'options.onProgress') calls.push(() => rest(service.list!(options)));
      for (const call of calls) {
        const refused = await call()?.catch((error: unknown) => error);
        if (refused !== undefined) expect(refused).toMatchObject({ code: 'INVALID_INPUT', field });
      }
      expect(await readdir(directory)).toEqual(['source']);
    },
  );
});

describe.each<[string, () => ObjectStore]>([
  ['FileObjectStore', () => new FileObjectStore({ directory: join(directory, 'objects') })],
  [
    'S3ObjectStore',
    () =>
      new S3ObjectStore({
        endpoint: 'http://127.0.0.1:1',
        region: 'here',
        bucket: 'bucket',
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      }),
  ],
  [
    'SwiftObjectStore',
    () =>
      new SwiftObjectStore({
        auth: { kind: 'tempauth', url: 'http://127.0.0.1:1', user: 'a', key: 'b' },
        container: 'container',
      }),
  ],
])('%s', (_, make) => {
  it.each(wrong)('refuses %s as options', async (__, given, field) => {
    const store = make();
    const options = given as never;
    const refusal = { code: 'INVALID_INPUT', field };
    await expect(store.put('key', bytes, options)).rejects.toMatchObject(refusal);
    await expect(store.get('key', options)).rejects.toMatchObject(refusal);
    await expect(store.stat('key', options)).rejects.toMatchObject(refusal);
    await expect(store.delete(['key'], options)).rejects.toMatchObject(refusal);
    await expect(rest(store.list('', options))).rejects.toMatchObject(refusal);
    if (store.extendRetention !== undefined) {
      await expect(store.extendRetention('key', new Date(), options)).rejects.toMatchObject(refusal);
    }
  });

  it('refuses keys, ranges and flags that are none', async () => {
    const store = make();
    await expect(store.delete('abc' as never)).rejects.toMatchObject({ field: 'keys' });
    await expect(store.delete([5] as never)).rejects.toMatchObject({ field: 'keys.0' });
    await expect(store.get('key', { range: null } as never)).rejects.toMatchObject({ field: 'options.range' });
    await expect(store.put('key', bytes, { ifAbsent: 1 } as never)).rejects.toMatchObject({
      field: 'options.ifAbsent',
    });
  });
});

describe.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw new Error('no bar');
    },
  ],
  ['rejects', () => Promise.reject(new Error('no bar'))],
])('a listener that %s', (_, listener) => {
  it.each([
    ['FileBackupService', fileService],
    ['ObjectBackupService', objectService],
  ])('costs %s nothing', async (__, make) => {
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', onUnhandled);
    let told = 0;
    const onProgress = () => {
      told++;
      return listener() as undefined;
    };
    const service = make();
    await service.backup(backup, source, { onProgress });
    const writer = await service.openBackup(backup, { onProgress });
    await writer.write(bytes);
    await writer.commit(manifestOf(backup, bytes));
    await service.restore(backup, 'volume-2', target, { onProgress });
    expect((await readFile(target.path)).equals(bytes)).toBe(true);
    const { stream } = await service.openRestore(backup, { onProgress });
    expect((await buffer(stream)).equals(bytes)).toBe(true);
    await new Promise(setImmediate);
    process.off('unhandledRejection', onUnhandled);
    expect(told).toBeGreaterThan(3);
    expect(unhandled).toEqual([]);
  });
});
