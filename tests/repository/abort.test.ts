import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { RepositoryBackupService, type RepositoryEncryption } from '../../src/repository/index.js';
import { keepsContract } from '../../src/stores/keeps-contract.js';
import { DeafStore } from './support/deaf-store.js';
import { ChangingDisk, range } from './support/generations.js';
import { manifestFor, RepositoryLab } from './support/repository-lab.js';

const minute = 60_000;
const b1 = { id: 'b1', volumeId: 'v1' };
const b2 = { id: 'b2', volumeId: 'v1' };

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'repository-abort-'));
  path = join(directory, 'volume');
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] });
});

afterEach(async () => {
  jest.useRealTimers();
  jest.restoreAllMocks();
  await rm(directory, { recursive: true });
});

/** One that passes for a store of this package's own, and is therefore not guarded. */
class OwnDeafStore extends DeafStore {
  [keepsContract](): boolean {
    return true;
  }
}

/** A repository with one backup, on a store that is still answering. */
async function answering(encryption?: RepositoryEncryption, store = new DeafStore()) {
  const lab = await RepositoryLab.create({ store, ...(encryption && { encryption }) });
  const disk = new ChangingDisk(600).write(...range(0, 40));
  await lab.storeStream(b1.id, disk.stream());
  const bytes = disk.write(...range(10, 30)).stream();
  return { store, bytes, service: lab.service, anew: () => serviceOf(store, encryption) };
}

function serviceOf(store: DeafStore, encryption?: RepositoryEncryption) {
  return new RepositoryBackupService({ store, packBytes: 64 * 1024, ...(encryption && { encryption }) });
}

/** Has time pass until it ends: what real work leads to may begin to wait for a timer at any moment. */
async function endsInTime<T>(work: Promise<T>, eachSecond = (): void => undefined): Promise<T> {
  const over = new AbortController();
  const end = (): void => {
    over.abort();
  };
  work.then(end, end);
  while (!over.signal.aborted) {
    eachSecond();
    await jest.advanceTimersByTimeAsync(1000);
  }
  return work;
}

type Call = (service: RepositoryBackupService, signal: AbortSignal, bytes: Buffer) => Promise<unknown>;

const restore: Call = async (service, signal) => {
  await writeFile(path, '');
  await service.restore(b1, 'v1', { path }, { signal });
};
const stream: Call = async (service, signal) => buffer((await service.openRestore(b1, { signal })).stream);
const verify: Call = (service, signal) => service.verify({ level: 'full', signal });
const collect: Call = (service, signal) => service.collectGarbage({ maxRepackBytes: 2 ** 30, signal });
const copy: Call = async (service, signal) => service.copyTo((await RepositoryLab.create()).service, b1, { signal });
const list: Call = async (service, signal) => {
  await service.list({ signal }).next();
};
const write: Call = async (service, signal, bytes) => {
  const writer = await service.openBackup(b2, { signal });
  await writer.write(bytes);
  await writer.commit(manifestFor(b2.id, b2.volumeId, bytes));
};
const backup: Call = async (service, signal, bytes) => {
  await writeFile(path, bytes);
  await service.backup(b2, { path }, { signal });
};

describe('a store that does not answer any more, nor hear of an abort', () => {
  test.each<readonly [string, RegExp, Call]>([
    ['restore', /^get volumes/, restore],
    ['restore', /^get map/, restore],
    ['restore', /^get data/, restore],
    ['openRestore', /^get volumes/, stream],
    ['openRestore', /^get data/, stream],
    ['verify', /^list volumes/, verify],
    ['verify', /^get data/, verify],
    ['collectGarbage', /^put gc/, collect],
    ['collectGarbage', /^stat gc/, collect],
    ['collectGarbage', /^list data/, collect],
    ['collectGarbage', /^get map/, collect],
    ['collectGarbage', /^delete gc/, collect],
    ['copyTo', /^get data/, copy],
    ['list', /^list volumes/, list],
    ['applyRetention', /^list/, (service, signal) => service.applyRetention({ keepLast: 1 }, { signal })],
    ['delete', /^delete volumes/, (service, signal) => service.delete(b1, { signal })],
    ['readManifest', /^get volumes/, (service, signal) => service.readManifest(b1, { signal })],
    ['openBackup', /^list volumes/, write],
    ['openBackup', /^get volumes/, write],
    ['openBackup', /^put writers/, write],
    ['openBackup', /^list data/, write],
    ['write', /^get map/, write],
    ['write', /^put data/, write],
    ['commit', /^put map/, write],
    ['commit', /\/root$/, write],
    ['commit', /^stat writers/, write],
    ['commit', /^put volumes.*json$/, write],
    ['backup', /^put data/, backup],
    ['initialize', /^get repository/, (service, signal) => service.initialize({ signal })],
  ])('holds nobody in %s who was told to stop: %s', async (_method, silent, call) => {
    const { store, bytes, service } = await answering();
    store.silent = silent;
    const controller = new AbortController();
    const calling = expect(call(service, controller.signal, bytes)).rejects.toMatchObject({ code: 'ABORTED' });
    await store.waitedFor;
    controller.abort();
    await endsInTime(calling);
  });

  test.each([
    ['restore', restore],
    ['openRestore', stream],
    ['verify', verify],
    ['copyTo', copy],
  ] as const)('holds nobody in %s where it answers with a stream that gives nothing', async (_method, call) => {
    const { store, bytes, service } = await answering();
    store.empty = /^get data/;
    const controller = new AbortController();
    const calling = expect(call(service, controller.signal, bytes)).rejects.toMatchObject({ code: 'ABORTED' });
    await store.waitedFor;
    controller.abort();
    await endsInTime(calling);
  });

  test('leaves the file of a restore empty', async () => {
    const { store, bytes, service } = await answering();
    store.silent = /^get data/;
    const controller = new AbortController();
    const restoring = restore(service, controller.signal, bytes).catch(() => undefined);
    await store.waitedFor;
    controller.abort();
    await endsInTime(restoring);
    expect(await readFile(path)).toHaveLength(0);
  });

  test.each([
    ['the lease is looked at', /^stat writers/],
    ['the lease is put', /^put writers/],
  ])('does not hold up who gives a backup up while %s', async (_when, silent) => {
    const { store, bytes, service } = await answering();
    const writer = await service.openBackup(b2);
    await writer.write(bytes);
    store.silent = silent;
    await jest.advanceTimersByTimeAsync(3 * minute);
    await store.waitedFor;
    await endsInTime(writer.abort());
    expect(store.keys.filter((key) => key.startsWith('writers/'))).toEqual([]);
  });

  test('does not hold up who gives a backup up while a pack is put', async () => {
    const { store, bytes, service } = await answering();
    const writer = await service.openBackup(b2);
    store.silent = /^put data/;
    const writing = writer.write(bytes).then(() => writer.commit(manifestFor(b2.id, b2.volumeId, bytes)));
    const failed = expect(writing).rejects.toMatchObject({
      code: expect.stringMatching(/^(ABORTED|BACKUP_SERVICE_FAILED)$/),
    });
    await store.waitedFor;
    await endsInTime(Promise.all([writer.abort(), failed]));
    expect(store.keys.filter((key) => key.startsWith('writers/'))).toEqual([]);
  });

  test('does not hold up a commit that is aborted while the lease is looked at', async () => {
    const { store, bytes, service } = await answering();
    const controller = new AbortController();
    const writer = await service.openBackup(b2, { signal: controller.signal });
    await writer.write(bytes);
    store.silent = /^stat writers/;
    await jest.advanceTimersByTimeAsync(3 * minute);
    await store.waitedFor;
    const committing = writer.commit(manifestFor(b2.id, b2.volumeId, bytes));
    const failed = expect(committing).rejects.toMatchObject({ code: 'ABORTED' });
    controller.abort();
    await endsInTime(failed);
  });
});

/** Has the time that `AbortSignal.timeout` gives be over when the test says so. */
function heldTimeouts() {
  const controllers: AbortController[] = [];
  jest.spyOn(AbortSignal, 'timeout').mockImplementation(() => {
    const controller = new AbortController();
    controllers.push(controller);
    return controller.signal;
  });
  return () => {
    for (const controller of controllers.splice(0)) controller.abort(new Error('the time is up'));
  };
}

test.each([
  ['giving a backup up', (writer: { abort(): Promise<void> }) => writer.abort()],
  [
    'committing it',
    (writer: { commit(manifest: object): Promise<unknown> }, bytes: Buffer) =>
      writer.commit(manifestFor(b2.id, b2.volumeId, bytes)),
  ],
])('%s waits for no deletion for ever', async (_what, end: (writer: never, bytes: Buffer) => Promise<unknown>) => {
  const { store, bytes, service } = await answering();
  const endTimeouts = heldTimeouts();
  const writer = await service.openBackup(b2);
  await writer.write(bytes);
  store.silent = /^delete/;
  const ending = end(writer as never, bytes);
  await store.waitedFor;
  await endsInTime(ending, endTimeouts);
});

describe('a repository that does not open', () => {
  const flip = (bytes: Uint8Array) => Promise.resolve(bytes.map((byte) => byte ^ 0x55));
  let isStuck = false;
  const keyService = {
    wrap: flip,
    unwrap: (bytes: Uint8Array) => (isStuck ? new Promise<never>(() => undefined) : flip(bytes)),
  };
  afterEach(() => void (isStuck = false));

  /** A service that has not opened its repository yet, and waits for store or key service. */
  async function stuck(who: 'store' | 'store of this package' | 'key service') {
    const { store, anew } = await answering(
      keyService,
      who === 'store of this package' ? new OwnDeafStore() : undefined,
    );
    const service = anew();
    const stick = (): void => {
      if (who === 'key service') isStuck = true;
      else store.silent = /^list keys/;
    };
    const recover = (): void => {
      store.silent = undefined;
      isStuck = false;
    };
    stick();
    return { service, recover };
  }

  test.each(['store', 'store of this package', 'key service'] as const)(
    'since its %s does not answer, holds nobody',
    async (who) => {
      const { service } = await stuck(who);
      const controller = new AbortController();
      const calling = expect(service.readManifest(b1, { signal: controller.signal })).rejects.toMatchObject({
        code: 'ABORTED',
      });
      setImmediate(() => controller.abort());
      await calling;
    },
  );

  test.each(['store', 'store of this package', 'key service'] as const)(
    'since its %s does not answer, is opened anew later',
    async (who) => {
      const { service, recover } = await stuck(who);
      const endTimeouts = heldTimeouts();
      const failed = expect(service.readManifest(b1)).rejects.toMatchObject({
        code: 'STORE_FAILED',
        reason: 'stalled',
        retryable: true,
      });
      await endsInTime(failed, endTimeouts);
      recover();
      expect(await service.readManifest(b1)).toMatchObject({ backupId: 'b1' });
    },
  );
});

test('a store whose deletions throw at once costs no backup that was committed', async () => {
  const { store, bytes, service } = await answering();
  const writer = await service.openBackup(b2);
  await writer.write(bytes);
  store.delete = () => {
    throw new TypeError('not a function');
  };
  await writer.commit(manifestFor(b2.id, b2.volumeId, bytes));
  expect(await service.readManifest(b2)).toMatchObject({ backupId: 'b2' });
});
