import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, jest } from '@jest/globals';
import { ObjectBackupService } from '../../../src/services/index.js';
import { guardObjectStore } from '../../../src/stores/guard-object-store.js';
import { FileObjectStore, type ObjectStore } from '../../../src/stores/index.js';
import { manifestOf } from '../../../src/testing/backup-service/sample-backup.js';
import { hostileError } from '../../support/hostile-error.js';
import { PassingTime } from '../../support/passing-time.js';
import { until } from '../../support/until.js';
import { MemoryObjectStore } from '../../testing/memory-object-store.js';

const backup = { id: 'backup-1', volumeId: 'volume-1' };
const segmentBytes = 64 * 1024;
const bytes = randomBytes(6 * segmentBytes);
const graceMs = 10_000;
const reset = () => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
const silence = () => new Promise<never>(() => undefined);

type Methods = { [name in keyof ObjectStore]?: unknown };

/** A service on a store that has a backup, and some methods of its own from then on. */
async function serviceWith(methods: Methods) {
  const store = new MemoryObjectStore();
  const service = new ObjectBackupService({ store, segmentBytes });
  await storeBackup(service);
  Object.assign(store, methods);
  return { store, service };
}

async function storeBackup(service: ObjectBackupService, signal?: AbortSignal): Promise<void> {
  const writer = await service.openBackup(backup, { signal });
  await writer.write(bytes);
  await writer.commit(manifestOf(backup, bytes));
}

async function listed(service: ObjectBackupService, signal?: AbortSignal) {
  const found: unknown[] = [];
  for await (const each of service.list({ signal })) found.push(each);
  return found;
}

const restored = async (service: ObjectBackupService) => buffer((await service.openRestore(backup)).stream);

/** What only segments meet, so that records can still be read. */
const ofSegments = (method: 'get' | 'put', act: () => unknown) =>
  function (this: MemoryObjectStore, key: string, ...rest: never[]): unknown {
    const sound = MemoryObjectStore.prototype[method] as (this: MemoryObjectStore, ...args: unknown[]) => unknown;
    return key.startsWith('data/') ? act() : sound.call(this, key, ...rest);
  };

const breaking = () =>
  new Readable({
    read() {
      this.destroy(reset());
    },
  });

describe('a store of somebody else’s', () => {
  const failed = { code: 'STORE_FAILED', reason: 'failed', retryable: false };
  const passing = { code: 'STORE_FAILED', reason: 'failed', retryable: true };
  const broken = { code: 'STORE_FAILED', reason: 'protocol', retryable: false };
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is the case
  const rejects = (error: unknown) => () => Promise.reject(error);
  const gives = (value: unknown) => () => Promise.resolve(value);
  const throws = () => {
    throw reset();
  };
  async function* items(...given: unknown[]) {
    yield* given;
  }
  const info = { key: 'backups/x.json', size: 1, lastModified: new Date() };
  const nothing = { deleted: [], missing: [], retained: [], failed: [] };

  it.each<[string, Methods, (service: ObjectBackupService) => Promise<unknown>, object]>([
    ['get rejects as a network does', { get: rejects(reset()) }, (s) => s.readManifest(backup), passing],
    ['get throws', { get: throws }, (s) => s.readManifest(backup), passing],
    ['get rejects with nothing', { get: rejects(undefined) }, (s) => s.readManifest(backup), failed],
    ['get rejects with what has no text', { get: rejects(Object.create(null)) }, (s) => s.readManifest(backup), failed],
    ['get rejects with what throws', { get: rejects(hostileError()) }, (s) => s.readManifest(backup), failed],
    ['get gives nothing', { get: gives(undefined) }, (s) => s.readManifest(backup), failed],
    ['get gives a stream that breaks', { get: gives(breaking()) }, (s) => s.readManifest(backup), passing],
    ['get gives texts', { get: gives(Readable.from(['{}'])) }, (s) => s.readManifest(backup), failed],
    ['put rejects', { put: rejects(reset()) }, storeBackup, passing],
    ['put gives nothing', { put: gives(undefined) }, storeBackup, broken],
    ['stat gives nonsense', { stat: gives({ key: 'x', size: 'large' }) }, storeBackup, broken],
    ['list throws', { list: throws }, (s) => listed(s), passing],
    ['list rejects', { list: rejects(reset()) }, (s) => listed(s), passing],
    ['list gives nothing', { list: () => undefined }, (s) => listed(s), broken],
    [
      'list gives objects without a time',
      { list: () => items({ ...info, lastModified: undefined }) },
      (s) => listed(s),
      broken,
    ],
    [
      'list gives times that are none',
      { list: () => items({ ...info, lastModified: new Date('') }) },
      (s) => listed(s),
      broken,
    ],
    ['list gives what was not asked for', { list: () => items({ ...info, key: 'x' }) }, (s) => listed(s), broken],
    ['delete rejects', { delete: rejects(reset()) }, (s) => s.delete(backup), passing],
    ['delete gives nothing', { delete: gives(undefined) }, (s) => s.delete(backup), broken],
    ['delete says nothing of a key', { delete: gives(nothing) }, (s) => s.delete(backup), broken],
    [
      'delete fails for a key in its own way',
      { delete: gives({ ...nothing, failed: [{ key: 'backups/backup-1.json', error: reset() }] }) },
      (s) => s.delete(backup),
      passing,
    ],
  ])('whose %s fails with an error of this library’s', async (_, methods, act, expected) => {
    const { service } = await serviceWith(methods);
    await expect(act(service)).rejects.toMatchObject(expected);
  });

  it.each([
    ['nothing', () => undefined],
    ['no promise at all', () => 5],
    ['what breaks again and again', () => Promise.resolve(breaking())],
  ])('that gives %s in the middle of a restore fails it, and nothing else', async (_, get) => {
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', onUnhandled);
    const { service } = await serviceWith({ get: ofSegments('get', get) });
    await expect(restored(service)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await new Promise(setImmediate);
    process.off('unhandledRejection', onUnhandled);
    expect(unhandled).toEqual([]);
  });

  it('may give web streams and arrays, and needs its `this`', async () => {
    const inner = new MemoryObjectStore();
    const store = {
      inner,
      put(...args: Parameters<ObjectStore['put']>) {
        return this.inner.put(...args);
      },
      async get(...args: Parameters<ObjectStore['get']>) {
        return Readable.toWeb(await this.inner.get(...args));
      },
      stat(...args: Parameters<ObjectStore['stat']>) {
        return this.inner.stat(...args);
      },
      list(prefix: string) {
        const found = [...this.inner.objects].filter(([key]) => key.startsWith(prefix));
        return found.map(
          ([
            key,
            {
              bytes: { length: size },
              lastModified,
            },
          ]) => ({ key, size, lastModified }),
        );
      },
      delete(...args: Parameters<ObjectStore['delete']>) {
        return this.inner.delete(...args);
      },
    };
    const service = new ObjectBackupService({ store: store as never, segmentBytes });
    await storeBackup(service);
    expect((await restored(service)).equals(bytes)).toBe(true);
    expect(await listed(service)).toMatchObject([{ id: backup.id }]);
  });

  it('is guarded once, and one of this package’s own not at all', () => {
    const own = new FileObjectStore({ directory: '/nowhere' });
    const guarded = guardObjectStore(new MemoryObjectStore());
    expect(guardObjectStore(own)).toBe(own);
    expect(guardObjectStore(guarded)).toBe(guarded);
    class Extended extends FileObjectStore {}
    const extended = new Extended({ directory: '/nowhere' });
    expect(guardObjectStore(extended)).not.toBe(extended);
    const standingBefore = new Proxy(own, {});
    expect(guardObjectStore(standingBefore)).not.toBe(standingBefore);
    const replaced = Object.assign(own, { get: silence });
    expect(guardObjectStore(replaced)).not.toBe(replaced);
  });
});

it('what a store says that it can do is taken apart: what is not understood takes nothing else with it', () => {
  const store = new MemoryObjectStore();
  store.capabilities = { ifAbsent: 'atomic', retention: true, maxObjectBytes: Infinity };
  expect(guardObjectStore(store).capabilities).toEqual({
    ifAbsent: 'atomic',
    retention: true,
    maxObjectBytes: undefined,
  });
  store.capabilities = { ifAbsent: 'perhaps', retention: 'yes', maxObjectBytes: 5 } as never;
  expect(guardObjectStore(store).capabilities).toEqual({ maxObjectBytes: 5 });
});

describe('a store that does not answer', () => {
  it.each<[string, Methods, (service: ObjectBackupService, signal: AbortSignal) => Promise<unknown>]>([
    ['a put', { put: silence }, storeBackup],
    ['a get', { get: silence }, (service, signal) => service.readManifest(backup, { signal })],
    ['a list', { list: () => ({ [Symbol.asyncIterator]: () => ({ next: silence }) }) }, listed],
    ['a stat', { stat: silence }, storeBackup],
    ['a deletion', { delete: silence }, (service, signal) => service.delete(backup, { signal })],
  ])('to %s holds nobody for ever who was told to stop', async (_, methods, act) => {
    using time = new PassingTime();
    const { service, store } = await serviceWith(methods);
    const [name] = Object.keys(methods) as [keyof ObjectStore];
    let isCalled = false;
    const silent = store[name] as () => unknown;
    Object.assign(store, {
      [name]: () => {
        isCalled = true;
        return silent();
      },
    });
    const controller = new AbortController();
    const outcome = act(service, controller.signal).catch((error: unknown) => error);
    await until(() => isCalled);
    controller.abort();
    time.pass(graceMs);
    expect(await outcome).toMatchObject({ code: 'ABORTED' });
  });

  it('with a stream that gives nothing ends a restore as soon as it is aborted', async () => {
    let isRead = false;
    const get = async () =>
      new Readable({
        read() {
          isRead = true;
        },
      });
    const { service } = await serviceWith({ get: ofSegments('get', get) });
    const controller = new AbortController();
    const { signal } = controller;
    const path = join(tmpdir(), `foreign-store-${randomBytes(8).toString('hex')}`);
    const outcome = service.restore(backup, 'volume-2', { path }, { signal }).catch((error: unknown) => error);
    await until(() => isRead);
    controller.abort();
    expect(await outcome).toMatchObject({ code: 'ABORTED' });
    await rm(path);
  });

  it.each(['its signal', 'its writer'])('to puts of a backup holds nobody who gives it up by %s', async (by) => {
    using time = new PassingTime();
    let puts = 0;
    const put = () => {
      puts++;
      return silence();
    };
    const { service } = await serviceWith({ put: ofSegments('put', put) });
    const controller = new AbortController();
    const writer = await service.openBackup(backup, { signal: controller.signal });
    // More than is collected before it is put.
    const writing = writer.write(randomBytes(3 * 1024 * 1024)).catch((error: unknown) => error);
    await until(() => puts === 2);
    if (by === 'its signal') controller.abort();
    const aborted = writer.abort();
    await new Promise(setImmediate);
    time.pass(graceMs);
    await aborted;
    expect(await writing).toMatchObject({ code: 'ABORTED' });
    expect((await restored(service)).equals(bytes)).toBe(true);
  });

  it('when what is left of a backup is to be removed holds nobody', async () => {
    using time = new PassingTime();
    let deletions = 0;
    const { service, store } = await serviceWith({});
    const writer = await service.openBackup(backup);
    await writer.write(bytes.subarray(0, segmentBytes));
    Object.assign(store, {
      delete: () => {
        deletions++;
        return silence();
      },
    });
    const aborted = writer.abort();
    await until(() => deletions === 1);
    time.pass(graceMs);
    await aborted;
  });
});

describe('a store that ends a put long after it was given up', () => {
  const later = randomBytes(2 * segmentBytes);

  /** A store whose first record gets there only once it is let, and an attempt that was given up over it. */
  async function withLateRecord() {
    const store = new MemoryObjectStore();
    const service = new ObjectBackupService({ store, segmentBytes });
    let land = (): void => undefined;
    const mayLand = new Promise<void>((resolve) => (land = resolve));
    let isAsked = false;
    store.put = async (key, body) => {
      const sound = MemoryObjectStore.prototype.put.bind(store, key, body, {});
      if (!key.startsWith('backups/') || isAsked) return sound();
      isAsked = true;
      await mayLand;
      return sound();
    };
    const controller = new AbortController();
    const outcome = storeBackup(service, controller.signal).catch((error: unknown) => error);
    await until(() => isAsked);
    controller.abort();
    return { store, service, outcome, land };
  }

  async function storeLater(service: ObjectBackupService): Promise<void> {
    const writer = await service.openBackup(backup);
    await writer.write(later);
    await writer.commit(manifestOf(backup, later));
  }

  it('cannot have it take the place of what was put since, by whichever service', async () => {
    using time = new PassingTime();
    const { store, outcome, land } = await withLateRecord();
    time.pass(graceMs);
    expect(await outcome).toMatchObject({ code: 'ABORTED', cleanup: 'pending' });
    const other = new ObjectBackupService({ store, segmentBytes });
    const storing = storeLater(other);
    await until(() => [...store.objects.keys()].filter((key) => key.startsWith('data/')).length === 8);
    land();
    await storing;
    expect((await restored(other)).equals(later)).toBe(true);
  });

  it('has another put of it fail for now, and no deletion of it relied on, until it has ended', async () => {
    using time = new PassingTime();
    const { service, store, outcome, land } = await withLateRecord();
    time.pass(graceMs);
    await outcome;
    const unavailable = { code: 'STORE_FAILED', reason: 'unavailable', retryable: true };
    const guarded = guardObjectStore(store);
    await guarded.put('other', Buffer.from('other'));
    const name = 'backups/backup-1.json';
    const putting = guarded.put(name, Buffer.from('{}')).catch((error: unknown) => error);
    await new Promise(setImmediate);
    time.pass(graceMs);
    expect(await putting).toMatchObject(unavailable);
    expect(await guarded.delete([name, 'other'])).toMatchObject({
      deleted: ['other'],
      missing: [],
      failed: [{ key: name, error: unavailable }],
    });
    land();
    await until(() => store.objects.has(name));
    await storeLater(service);
    expect((await restored(service)).equals(later)).toBe(true);
    await service.delete(backup);
    expect(await listed(service)).toEqual([]);
  });

  it('is known to another copy of the library, too', async () => {
    using time = new PassingTime();
    const { store, outcome, land } = await withLateRecord();
    time.pass(graceMs);
    await outcome;
    jest.resetModules();
    const other = await import('../../../src/stores/guard-object-store.js');
    expect(other.guardObjectStore).not.toBe(guardObjectStore);
    expect(await other.guardObjectStore(store).delete(['backups/backup-1.json'])).toMatchObject({
      failed: [{ error: { code: 'STORE_FAILED', reason: 'unavailable' } }],
    });
    land();
  });
});

it('lists what nobody could have stored by its name, with its error', async () => {
  const { service, store } = await serviceWith({});
  await store.put('backups/50%.json', Buffer.from('{'));
  expect(await listed(service)).toMatchObject([{ id: '50%', error: { code: 'BACKUP_CORRUPT' } }, { id: backup.id }]);
});
