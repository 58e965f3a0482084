import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { StoreError } from '../../src/errors/index.js';
import { RepositoryBackupService, type RepositoryEncryption } from '../../src/repository/index.js';
import { ChangingDisk, range } from './support/generations.js';
import { manifestFor, RepositoryLab, SteppedStore } from './support/repository-lab.js';

const b1 = { id: 'b1', volumeId: 'v1' };
const disk = () => new ChangingDisk(600, 8).write(...range(0, 30));

type KeyFunction = (bytes: Uint8Array) => Promise<Uint8Array>;
const flipping =
  (bits: number): KeyFunction =>
  async (bytes) =>
    bytes.map((byte) => byte ^ bits);
const flip = flipping(0x55);
/** Key services: a passphrase would take its time each time. */
const one = { wrap: flip, unwrap: flip };
const another = { wrap: flipping(0x33), unwrap: flipping(0x33) };
const outage: KeyFunction = () => Promise.reject(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }));
const returning = (answer: unknown) => async () => answer as Uint8Array;

/** Key services that lose what they are given. */
const unusable: readonly (readonly [string, { wrap: KeyFunction; unwrap: KeyFunction; retryable: boolean }])[] = [
  [
    'wrap() gives another field of the answer',
    { wrap: returning(Buffer.from('arn:key')), unwrap: flip, retryable: false },
  ],
  ['wrap() gives another key', { wrap: returning(Buffer.alloc(32)), unwrap: flip, retryable: false }],
  ['wrap() gives nothing', { wrap: returning(undefined), unwrap: flip, retryable: false }],
  ['wrap() gives a text', { wrap: returning('AAAA'), unwrap: flip, retryable: false }],
  [
    'wrap() throws',
    {
      wrap: () => {
        throw new TypeError('not ready');
      },
      unwrap: flip,
      retryable: false,
    },
  ],
  ['wrap() cannot reach it', { wrap: outage, unwrap: flip, retryable: true }],
  ['unwrap() cannot reach it', { wrap: flip, unwrap: outage, retryable: true }],
  ['unwrap() gives nothing', { wrap: flip, unwrap: returning(null), retryable: false }],
  ['unwrap() gives too little', { wrap: flip, unwrap: returning(Buffer.alloc(31)), retryable: false }],
];

async function storeStream(service: RepositoryBackupService, bytes: Buffer): Promise<void> {
  const writer = await service.openBackup(b1);
  await writer.write(bytes);
  await writer.commit(manifestFor('b1', 'v1', bytes));
}

function opens(store: SteppedStore, encryption: RepositoryEncryption) {
  return new RepositoryBackupService({ store, encryption }).readManifest(b1);
}

describe('a key that could not be unwrapped again', () => {
  test.each(unusable)('is not what a repository is created with: %s', async (_how, { retryable, ...encryption }) => {
    const store = new SteppedStore();
    const service = new RepositoryBackupService({ store, encryption });
    await expect(service.initialize()).rejects.toMatchObject({ code: 'WRONG_KEY', retryable });
    expect(store.keys).toEqual([]);
  });

  test.each(unusable)('does not take the place of one that can: %s', async (_how, { retryable, ...encryption }) => {
    const lab = await RepositoryLab.create({ encryption: one });
    await lab.storeStream('b1', disk().stream());
    const before = lab.store.snapshot();
    await expect(lab.service.rewrapKey(encryption)).rejects.toMatchObject({ code: 'WRONG_KEY', retryable });
    expect(lab.store.snapshot()).toEqual(before);
    expect(await opens(lab.store, one)).toMatchObject({ backupId: 'b1' });
  });

  test.each([
    undefined,
    null,
    {},
    'secret',
    { passphrase: 1 },
    { passphrase: '' },
    { wrap: flip },
    { wrap: 1, unwrap: flip },
  ])('is refused before anything is done: %j', async (encryption) => {
    const lab = await RepositoryLab.create({ encryption: one });
    const before = lab.store.snapshot();
    await expect(lab.service.rewrapKey(encryption as never)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      field: expect.stringMatching(/^encryption/),
    });
    expect(lab.store.snapshot()).toEqual(before);
  });
});

test('a key service may clear the key it was given', async () => {
  const wrap: KeyFunction = async (key) => {
    const wrapped = await flip(key);
    key.fill(0);
    return wrapped;
  };
  const lab = await RepositoryLab.create({ encryption: { wrap, unwrap: flip } });
  await lab.storeStream('b1', disk().stream());
  expect(await opens(lab.store, { wrap, unwrap: flip })).toMatchObject({ backupId: 'b1' });
});

test.each([
  ['is locked', (key: string) => ({ retained: [key] }), { reason: 'retained', retryable: false }],
  [
    'cannot be deleted',
    (key: string) => ({ failed: [{ key, error: new StoreError('unavailable', 'busy') }] }),
    { reason: 'failed', retryable: true },
  ],
])('a key that %s when it was wrapped anew is not passed over', async (_what, outcome, error) => {
  const lab = await RepositoryLab.create({ encryption: one });
  await lab.storeStream('b1', disk().stream());
  const nothing = { deleted: [], missing: [], retained: [], failed: [] };
  lab.store.delete = async ([key]) => ({ ...nothing, ...outcome(key!) });
  await expect(lab.service.rewrapKey(another)).rejects.toMatchObject({ code: 'STORE_FAILED', ...error });
  for (const each of [one, another]) {
    expect(await opens(lab.store, each)).toMatchObject({ backupId: 'b1' });
  }
});

test.each([
  ['cannot be reached', outage, true],
  ['refuses', () => Promise.reject(new Error('denied')), false],
])('where a key service %s, the error says whether that may pass', async (_how, unwrap, retryable) => {
  const lab = await RepositoryLab.create({ encryption: one });
  await expect(opens(lab.store, { wrap: flip, unwrap })).rejects.toMatchObject({ code: 'WRONG_KEY', retryable });
});

describe('two who create a repository at once', () => {
  test('share its key, whichever comes first', async () => {
    // Keys have random names: the one that is listed first may be either's.
    for (let round = 0; round < 8; round++) {
      const store = new SteppedStore();
      const make = () => new RepositoryBackupService({ store, packBytes: 256 * 1024, encryption: one });
      const [slow, quick] = [make(), make()];
      const put = store.put.bind(store);
      const bytes = disk().stream();
      let isFirst = true;
      store.put = async (key, body, options) => {
        if (key === 'repository.json' && isFirst) {
          isFirst = false;
          expect(await quick.initialize()).toEqual({ created: true });
          await storeStream(quick, bytes);
        }
        return put(key, body, options);
      };
      expect(await slow.initialize()).toEqual({ created: false });
      for (const service of [slow, quick, make()]) {
        expect(await buffer((await service.openRestore(b1)).stream)).toEqual(bytes);
      }
    }
  });

  test('share its key also where the store cannot tell who was first, and the description that comes last is the older one', async () => {
    for (let round = 0; round < 8; round++) {
      const store = new SteppedStore();
      store.capabilities = { ifAbsent: 'none' };
      const make = () => new RepositoryBackupService({ store, packBytes: 256 * 1024, encryption: one });
      const [given, service] = [make(), make()];
      const put = store.put.bind(store);
      const late: (() => Promise<unknown>)[] = [];
      store.put = async (key, body, options) => {
        if (key !== 'repository.json' || late.length > 0) return put(key, body, options);
        late.push(() => put(key, body));
        throw new StoreError('connection', 'nobody waits for the answer any more');
      };
      await expect(given.initialize()).rejects.toMatchObject({ code: 'STORE_FAILED' });
      store.pass(1 / 3600);
      expect(await service.initialize()).toEqual({ created: true });
      const bytes = disk().stream();
      await storeStream(service, bytes);
      await late[0]!();
      expect(await buffer((await make().openRestore(b1)).stream)).toEqual(bytes);
    }
  });

  test('keep the key where one is told that the description, its own, was there before', async () => {
    const store = new SteppedStore();
    const put = store.put.bind(store);
    store.put = async (key, body, options) => {
      const result = await put(key, body, options);
      return key === 'repository.json' ? { created: false } : result;
    };
    const service = new RepositoryBackupService({ store, encryption: one });
    await service.initialize();
    await storeStream(service, disk().stream());
    expect(await opens(store, one)).toMatchObject({ backupId: 'b1' });
  });

  test('leave no key behind that could be taken for it', async () => {
    for (let round = 0; round < 8; round++) {
      const lab = await RepositoryLab.create({ encryption: one });
      await lab.storeStream('b1', disk().stream());
      const other = await RepositoryLab.create({ encryption: one });
      for (const [key, object] of other.store.objects) if (key.startsWith('keys/')) lab.store.objects.set(key, object);
      expect(await opens(lab.store, one)).toMatchObject({ backupId: 'b1' });
      await lab.service.rewrapKey(another);
      expect(await opens(lab.store, another)).toMatchObject({ backupId: 'b1' });
    }
  });
});

test('a repository whose creation was not answered opens: its key is there', async () => {
  const store = new SteppedStore();
  const service = new RepositoryBackupService({ store, encryption: one });
  const put = store.put.bind(store);
  store.put = async (key, body, options) => {
    const result = await put(key, body, options);
    if (key === 'repository.json') throw new StoreError('connection', 'the answer was lost');
    return result;
  };
  await expect(service.initialize()).rejects.toMatchObject({ code: 'STORE_FAILED', retryable: true });
  expect(await service.initialize()).toEqual({ created: false });
  expect(await opens(store, one)).toBeUndefined();
});

test('a repository that does not say whose its key is opens as before', async () => {
  const lab = await RepositoryLab.create({ encryption: one });
  await lab.storeStream('b1', disk().stream());
  const object = lab.store.objects.get('repository.json')!;
  const { keyProof, ...description } = JSON.parse(object.bytes.toString()) as Record<string, unknown>;
  expect(keyProof).toMatch(/^[0-9a-f]{64}$/);
  lab.store.objects.set('repository.json', { ...object, bytes: Buffer.from(JSON.stringify(description)) });
  expect(await opens(lab.store, one)).toMatchObject({ backupId: 'b1' });
});
