import { createHash, randomBytes } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { StoreError } from '../../../src/errors/index.js';
import { type BackupService, ObjectBackupService } from '../../../src/services/index.js';
import type { ObjectStore } from '../../../src/stores/index.js';
import { byteStream } from '../../../src/stream/byte-stream.js';
import { manifestOf } from '../../../src/testing/backup-service/sample-backup.js';
import { FaultyObjectStore, type StoreCall, type StoreFault } from '../../../src/testing/index.js';
import { until } from '../../support/until.js';
import { MemoryObjectStore } from '../../testing/memory-object-store.js';
import { expectNothingLeft, keysOf, strayKeys } from './leftovers.js';

const backup = { id: 'backup-1', volumeId: 'volume-1' };
const mebibyte = 1024 * 1024;
const segmentBytes = 64 * 1024;
const chunkBytes = segmentBytes / 4;
/** Three segments, the last of one byte. */
const [before, after] = [randomBytes(2 * segmentBytes + 1), randomBytes(2 * segmentBytes + 1)];
const serviceOn = (store: ObjectStore) => new ObjectBackupService({ store, segmentBytes });

/** What fills more than one segment, with a writer that has put the first. */
const large = randomBytes(2 * mebibyte + 1);
async function halfWritten(store: ObjectStore) {
  const service = new ObjectBackupService({ store, segmentBytes: mebibyte });
  const had = await keysOf(store, 'data/');
  const writer = await service.openBackup(backup);
  await writer.write(large.subarray(0, 1.25 * mebibyte));
  await until(async () => (await keysOf(store, 'data/')).length > had.length);
  return { service, writer, rest: large.subarray(1.25 * mebibyte) };
}

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function store(service: BackupService, bytes: Buffer): Promise<void> {
  const writer = await service.openBackup!(backup);
  try {
    for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
      await writer.write(bytes.subarray(offset, offset + chunkBytes));
    }
    await writer.commit(manifestOf(backup, bytes));
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

async function restored(service: BackupService): Promise<string | undefined> {
  try {
    return digest(await buffer((await service.openRestore!(backup)).stream));
  } catch (error) {
    expect(error).toMatchObject({ code: 'BACKUP_NOT_FOUND' });
    return undefined;
  }
}

type Faults = (call: StoreCall) => StoreFault | undefined;

/** The store as it is, but for a replica that was away and answers a look at the record with the one that was replaced. */
function withStaleRecord(inner: MemoryObjectStore, stale: MemoryObjectStore): ObjectStore {
  const of = (key: string) => (key.startsWith('backups/') ? stale : inner);
  return {
    put: (key, body, options) => inner.put(key, body, options),
    get: (key, options) => of(key).get(key, options),
    stat: (key, options) => of(key).stat(key, options),
    list: (prefix, options) => inner.list(prefix, options),
    delete: (keys, options) => inner.delete(keys, options),
  };
}

/** Every single fault of every call of an action, and the death of the process at each. */
function faults(number: number): [string, Faults][] {
  const at =
    (fault: StoreFault): Faults =>
    (call) =>
      call.number === number ? fault : undefined;
  return [
    ['is refused', at('refuse')],
    ['has its answer lost', at('lose-answer')],
    ['breaks', at('cut')],
    ['is the last before the process dies', (call) => (call.number > number ? 'refuse' : undefined)],
    ['is the last, half done, before the process dies', (call) => (call.number >= number ? 'cut' : undefined)],
    [
      'is the last, its answer lost, before the process dies',
      (call) => (call.number > number ? 'refuse' : call.number === number ? 'lose-answer' : undefined),
    ],
  ];
}

async function callsOf(had: Buffer | undefined, act: (service: BackupService) => Promise<void>): Promise<number> {
  const inner = new MemoryObjectStore();
  if (had !== undefined) await store(serviceOn(inner), had);
  const counting = new FaultyObjectStore(inner, () => undefined);
  await act(serviceOn(counting));
  return counting.calls.length;
}

describe.each([
  ['storing a first backup', undefined, (service: BackupService) => store(service, after), after],
  ['replacing a backup', before, (service: BackupService) => store(service, after), after],
  ['deleting a backup', before, (service: BackupService) => service.delete!(backup), undefined],
] as const)('%s', (_, had, act, wanted) => {
  it('ends in the old or the new state, whole, whichever call fails how, and leaves nothing after a sweep', async () => {
    const calls = await callsOf(had, act);
    expect(calls).toBeGreaterThan(3);
    let tried = 0;
    for (let number = 1; number <= calls; number++) {
      for (const [name, faultOf] of faults(number)) {
        const inner = new MemoryObjectStore();
        const sound = serviceOn(inner);
        if (had !== undefined) await store(sound, had);
        const outcome = await act(serviceOn(new FaultyObjectStore(inner, faultOf))).then(
          () => 'resolved',
          () => 'rejected',
        );
        const what = `call ${number} ${name}: ${outcome}`;
        const states = [had, wanted].map((bytes) => (bytes === undefined ? undefined : digest(bytes)));
        const state = await restored(sound);
        expect([what, states.includes(state)]).toEqual([what, true]);
        if (outcome === 'resolved') expect([what, state]).toEqual([what, states[1]]);
        await expectNothingLeft(inner, sound);
        expect([what, await restored(sound)]).toEqual([what, state]);
        tried++;
      }
    }
    expect(tried).toBe(calls * 6);
  });
});

it('leaves nothing at all where a call fails and the rest works', async () => {
  const inner = new MemoryObjectStore();
  const { writer } = await halfWritten(inner);
  await writer.abort();
  expect(await keysOf(inner)).toEqual([]);
});

it('keeps the data of a replaced backup for a day: a restore that has begun goes on', async () => {
  const inner = new MemoryObjectStore();
  const service = serviceOn(inner);
  await store(service, before);
  const { stream } = await service.openRestore(backup);
  await store(service, after);
  await service.sweep();
  expect(digest(await buffer(stream))).toBe(digest(before));
  expect(await strayKeys(inner)).not.toEqual([]);
  await expectNothingLeft(inner, service);
  expect(await restored(service)).toBe(digest(after));
});

it('leaves an attempt alone that still puts segments, however long ago it began', async () => {
  const inner = new MemoryObjectStore();
  const { service, writer, rest } = await halfWritten(inner);
  for (const [key, object] of inner.objects) {
    if (key.startsWith('attempts/')) object.lastModified = new Date(Date.now() - 3 * 24 * 60 * 60 * 1000);
  }
  expect(await service.sweep()).toBe(0);
  await writer.write(rest);
  await writer.commit(manifestOf(backup, large));
  expect(await restored(service)).toBe(digest(large));
});

it('does not commit an attempt that was swept while its machine was suspended, and its clocks stood still', async () => {
  const inner = new MemoryObjectStore();
  const service = serviceOn(inner);
  await store(service, before);
  const { writer, rest } = await halfWritten(inner);
  inner.now = () => new Date(Date.now() + 2 * 24 * 60 * 60 * 1000);
  expect(await serviceOn(inner).sweep()).toBe(1);
  await writer.write(rest);
  await expect(writer.commit(manifestOf(backup, large))).rejects.toMatchObject({ retryable: true });
  expect(await restored(service)).toBe(digest(before));
});

it('goes on with a stream that breaks, and gives up one that breaks again and again', async () => {
  const inner = new MemoryObjectStore();
  await store(serviceOn(inner), after);
  const isSegment = ({ method, keys }: StoreCall) => method === 'get' && keys[0]?.startsWith('data/') === true;
  let broken = 0;
  const breaksOnce = new FaultyObjectStore(inner, (call) =>
    isSegment(call) && broken++ % 2 === 0 ? 'cut' : undefined,
  );
  expect(await restored(serviceOn(breaksOnce))).toBe(digest(after));
  expect(broken).toBeGreaterThan(3);
  const refuses = new FaultyObjectStore(inner, (call) => (isSegment(call) ? 'refuse' : undefined));
  const { stream } = await serviceOn(refuses).openRestore(backup);
  await expect(buffer(stream)).rejects.toMatchObject({ code: 'STORE_FAILED' });
});

describe.each(['end', 'corrupt'] as const)('a store whose bytes %s', (fault) => {
  it('has a restore fail before its last byte', async () => {
    const inner = new MemoryObjectStore();
    await store(serviceOn(inner), after);
    const faulty = new FaultyObjectStore(inner, ({ keys }) =>
      keys[0]?.endsWith('/00000001') === true ? fault : undefined,
    );
    const { stream, length } = await serviceOn(faulty).openRestore(backup);
    let received = 0;
    stream.on('data', (chunk: Buffer) => (received += chunk.length));
    await expect(
      new Promise((resolve, reject) => stream.once('end', resolve).once('error', reject)),
    ).rejects.toMatchObject({
      code: 'BACKUP_CORRUPT',
    });
    expect(received).toBeLessThan(length);
  });
});

it('leaves nothing of either of two writers of one backup that commit at the same moment', async () => {
  const inner = new MemoryObjectStore();
  const contents = [before, after];
  const writers = await Promise.all(contents.map(() => serviceOn(inner).openBackup(backup)));
  await Promise.all(writers.map((writer, index) => writer.write(contents[index]!)));
  // Each has seen that there is no backup before the other one's record is there.
  const put = inner.put.bind(inner);
  let arrived = 0;
  let open = () => {};
  const both = new Promise<void>((resolve) => (open = resolve));
  inner.put = async (key, ...rest) => {
    if (key.startsWith('backups/')) {
      if (++arrived === 2) open();
      await both;
    }
    return put(key, ...rest);
  };
  await Promise.all(writers.map((writer, index) => writer.commit(manifestOf(backup, contents[index]!))));
  const service = serviceOn(inner);
  expect(contents.map(digest)).toContain(await restored(service));
  await expectNothingLeft(inner, service);
  await service.delete(backup);
  expect(await keysOf(inner)).toEqual([]);
});

it('lets go of the signal it was given, whatever becomes of the backup', async () => {
  const { signal } = new AbortController();
  const inner = new MemoryObjectStore();
  const writer = await serviceOn(inner).openBackup(backup, { signal });
  await writer.write(after);
  await writer.commit(manifestOf(backup, after));
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  inner.put = () => Promise.reject(new Error('the store is away'));
  await expect(serviceOn(inner).openBackup(backup, { signal })).rejects.toThrow('away');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

it('deletes every note of a backup with it', async () => {
  const inner = new MemoryObjectStore();
  await store(serviceOn(inner), after);
  await serviceOn(inner).delete(backup);
  expect(await keysOf(inner)).toEqual([]);
});

it('says which backups it cannot read, and lists the others', async () => {
  const inner = new MemoryObjectStore();
  const service = serviceOn(inner);
  await store(service, after);
  await inner.put('backups/damaged.json', Buffer.from('{'));
  await inner.put('backups/later.json', Buffer.from('{ "formatVersion": 2 }'));
  const listed = [];
  for await (const each of service.list({ volumeId: 'volume-1' })) listed.push(each);
  expect(listed).toMatchObject([
    { id: 'backup-1', streamBytes: after.length },
    { id: 'damaged', error: { code: 'BACKUP_CORRUPT' } },
    { id: 'later', error: { code: 'UNSUPPORTED_BACKUP' } },
  ]);
});

it('replaces and deletes a backup whose record is damaged, and its data goes with a sweep', async () => {
  const inner = new MemoryObjectStore();
  const service = serviceOn(inner);
  for (const act of [() => store(service, after), () => service.delete(backup)]) {
    await store(service, before);
    await inner.put('backups/backup-1.json', Buffer.from('{'));
    await act();
    await expectNothingLeft(inner, service);
    inner.now = () => new Date();
  }
  expect(await keysOf(inner)).toEqual([]);
});

it('leaves nothing of a backup that was stored while the one before it was being deleted', async () => {
  const inner = new MemoryObjectStore();
  const service = serviceOn(inner);
  await store(service, before);
  const remove = inner.delete.bind(inner);
  inner.delete = async (keys, options) => {
    if (keys.includes('backups/backup-1.json')) {
      inner.delete = remove;
      await store(serviceOn(inner), after);
    }
    return remove(keys, options);
  };
  await service.delete(backup);
  expect(await restored(service)).toBeUndefined();
  await expectNothingLeft(inner, service);
  expect(await keysOf(inner)).toEqual([]);
});

it('says that a locked backup stays', async () => {
  const inner = new MemoryObjectStore();
  const service = serviceOn(inner);
  await store(service, after);
  await inner.extendRetention('backups/backup-1.json', new Date(Date.now() + 60_000));
  await expect(service.delete(backup)).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'retained' });
  expect(await restored(service)).toBe(digest(after));
});

describe('a sweep', () => {
  const day = 24 * 60 * 60 * 1000;

  /** Ten attempts that died days ago, each with a segment; in the order in which a sweep comes to them. */
  async function dead() {
    const inner = new MemoryObjectStore();
    const attempts = Array.from({ length: 10 }, (_, index) => index.toString(16).repeat(32));
    for (const attempt of attempts) {
      const note = JSON.stringify({ formatVersion: 1, key: 'backup-1' });
      await inner.put(`attempts/${attempt}.${'0'.repeat(16)}.json`, Buffer.from(note));
      await inner.put(`data/backup-1/${attempt}/00000000`, before);
    }
    inner.now = () => new Date(Date.now() + 2 * day);
    return { inner, attempts };
  }

  /** Has what is deleted of the attempt fail. */
  function keeping(inner: MemoryObjectStore, isKept: (key: string) => boolean, reason: 'denied' | 'unavailable') {
    const asked: string[] = [];
    inner.delete = async (keys) => {
      asked.push(...keys);
      const kept = keys.filter(isKept);
      const others = keys.filter((key) => !isKept(key));
      const outcome = await MemoryObjectStore.prototype.delete.call(inner, others);
      return { ...outcome, failed: kept.map((key) => ({ key, error: new StoreError(reason, `${key} stays`) })) };
    };
    return asked;
  }

  it.each([
    ['is still there', false],
    ['was swept', true],
  ])(
    'leaves a backup whole where a replica answers with the record that it replaced, whose data %s',
    async (_, isSwept) => {
      const inner = new MemoryObjectStore();
      const service = serviceOn(inner);
      await store(service, before);
      const replaced = await keysOf(inner, 'data/');
      const stale = new MemoryObjectStore();
      stale.objects.set('backups/backup-1.json', inner.objects.get('backups/backup-1.json')!);
      await store(service, after);
      if (isSwept) await inner.delete(replaced);
      inner.now = () => new Date(Date.now() + 2 * day);
      await serviceOn(withStaleRecord(inner, stale)).sweep();
      expect(await restored(service)).toBe(digest(after));
      // Once the replica has come up to the others, too.
      await service.sweep();
      expect(await restored(service)).toBe(digest(after));
    },
  );

  it('leaves a backup whole whose record a replica does not have, or has from an attempt that ran beside it', async () => {
    const inner = new MemoryObjectStore();
    const service = serviceOn(inner);
    const { writer, rest } = await halfWritten(inner);
    await store(service, before);
    const stale = new MemoryObjectStore();
    stale.objects.set('backups/backup-1.json', inner.objects.get('backups/backup-1.json')!);
    inner.now = () => new Date(Date.now() + 60_000);
    await writer.write(rest);
    await writer.commit(manifestOf(backup, large));
    inner.now = () => new Date(Date.now() + 2 * day);
    for (const replica of [stale, new MemoryObjectStore()]) {
      await serviceOn(withStaleRecord(inner, replica)).sweep();
      expect(await restored(service)).toBe(digest(large));
    }
  });

  it('removes what a repeat left that died before it was committed, whatever began and ended beside it', async () => {
    const inner = new MemoryObjectStore();
    const service = serviceOn(inner);
    await store(service, before);
    await halfWritten(inner);
    const { writer, rest } = await halfWritten(inner);
    await halfWritten(inner);
    await writer.write(rest);
    await writer.commit(manifestOf(backup, large));
    await halfWritten(inner);
    await expectNothingLeft(inner, service);
    expect(await restored(service)).toBe(digest(large));
  });

  it('removes the others where one cannot be removed, and then says so', async () => {
    const { inner, attempts } = await dead();
    const [kept = ''] = attempts;
    keeping(inner, (key) => key.includes(kept), 'denied');
    await expect(serviceOn(inner).sweep()).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'denied' });
    expect(await keysOf(inner)).toEqual([expect.stringContaining(kept), expect.stringContaining(kept)]);
  });

  it('does not try everything at a store that does not work', async () => {
    const { inner } = await dead();
    const asked = keeping(inner, (key) => key.startsWith('data/'), 'unavailable');
    await expect(serviceOn(inner).sweep()).rejects.toMatchObject({ reason: 'unavailable' });
    expect(asked.filter((key) => key.startsWith('data/'))).toHaveLength(3);
  });

  it('goes on at a store that fails now and then', async () => {
    const { inner, attempts } = await dead();
    const isKept = (key: string) => attempts.some((attempt, index) => index % 2 === 0 && key.includes(attempt));
    keeping(inner, isKept, 'unavailable');
    await expect(serviceOn(inner).sweep()).rejects.toMatchObject({ reason: 'unavailable' });
    const left = (await keysOf(inner)).filter((key) => !key.startsWith('clock/'));
    expect(left).toHaveLength(10);
    expect(left.every(isKept)).toBe(true);
  });

  it('says what cannot be removed also where something is locked beside it', async () => {
    const { inner, attempts } = await dead();
    const segment = (number: number) => `data/backup-1/${attempts[0]}/0000000${number}`;
    await inner.put(segment(1), before);
    inner.now = () => new Date(Date.now() + 4 * day);
    await inner.extendRetention(segment(0), new Date(Date.now() + 30 * day));
    keeping(inner, (key) => key === segment(1), 'denied');
    await expect(serviceOn(inner).sweep()).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'denied' });
  });

  it('leaves what is locked for a later one, and removes the rest', async () => {
    const { inner, attempts } = await dead();
    const [locked = ''] = attempts;
    const lockedFor = (days: number) => new Date(Date.now() + days * day);
    await inner.extendRetention(`data/backup-1/${locked}/00000000`, lockedFor(30));
    // The bucket's default.
    inner.put = async (key, body, options) =>
      MemoryObjectStore.prototype.put.call(inner, key, body, { ...options, retainUntil: lockedFor(30) });
    const service = serviceOn(inner);
    expect(await service.sweep()).toBe(9);
    inner.now = () => lockedFor(4);
    expect(await service.sweep()).toBe(0);
    expect((await keysOf(inner)).filter((key) => key.includes(locked))).toHaveLength(2);
    inner.now = () => lockedFor(31);
    expect(await service.sweep()).toBe(1);
    expect((await keysOf(inner)).filter((key) => !key.startsWith('clock/'))).toEqual([]);
  });
});

it.each([
  [undefined, 'options'],
  [null, 'options'],
  [{}, 'options.store'],
  [{ store: null }, 'options.store'],
  [{ store: 'memory' }, 'options.store'],
  [{ store: {} }, 'options.store.put'],
])('refuses the options %j', (options, field) => {
  expect(() => new ObjectBackupService(options as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', field }),
  );
});

it('a stream that somebody destroys with an error of his own fails with a typed one', async () => {
  const service = serviceOn(new MemoryObjectStore());
  await store(service, before);
  const { stream } = await service.openRestore(backup);
  // The driver takes it as it is.
  expect(byteStream(stream, (reason) => new StoreError('failed', reason))).toBe(stream);
  stream.destroy(new Error('enough'));
  await expect(buffer(stream)).rejects.toMatchObject({
    code: 'BACKUP_SERVICE_FAILED',
    message: expect.stringContaining('enough'),
  });
});

it('a record whose first put was not answered, and whose second was refused, is a backup, and keeps its segments', async () => {
  const inner = new MemoryObjectStore();
  const put = inner.put.bind(inner);
  inner.put = async (key, body, options) => {
    const result = await put(key, body, options);
    if (key.startsWith('backups/')) throw new StoreError('credentials', 'the keys could not be renewed');
    return result;
  };
  await store(serviceOn(inner), before);
  expect(await restored(serviceOn(inner))).toBe(digest(before));
});

it('a record that a store refused, and has after all, is a whole backup: what is not seen may still come', async () => {
  const inner = new MemoryObjectStore();
  const put = inner.put.bind(inner);
  const late: (() => Promise<unknown>)[] = [];
  inner.put = async (key, body, options) => {
    if (!key.startsWith('backups/')) return put(key, body, options);
    const bytes = body instanceof Uint8Array ? Buffer.from(body) : Buffer.concat(body);
    late.push(() => put(key, bytes));
    throw new StoreError('denied', 'the second try was refused');
  };
  await expect(store(serviceOn(inner), before)).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'denied' });
  expect(await restored(serviceOn(inner))).toBeUndefined();
  await late[0]!();
  expect(await restored(serviceOn(inner))).toBe(digest(before));
});
