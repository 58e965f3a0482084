import { describe, expect, test } from '@jest/globals';
import { StoreError } from '../../src/errors/index.js';
import { collectGarbage } from '../../src/repository/care/collect-garbage.js';
import { deleteBackup } from '../../src/repository/care/delete-backup.js';
import { parsePackKey } from '../../src/repository/format/pack-id.js';
import { openRepository } from '../../src/repository/open-repository.js';
import { sealedVault } from '../../src/repository/vault/sealed-vault.js';
import type { Vault } from '../../src/repository/vault/vault.js';
import { RepositoryWriter } from '../../src/repository/write/repository-writer.js';
import { ChangingDisk, range } from './support/generations.js';
import { manifestFor, RepositoryLab } from './support/repository-lab.js';

const settings = { packBytes: 256 * 1024, concurrency: 3, retainDays: undefined };
const b1 = { id: 'b1', volumeId: 'v1' };
const b2 = { id: 'b2', volumeId: 'v1' };

/** A repository with a backup, and the bytes of a second one whose grains its writer asks the parent's map for. */
async function twoGenerations() {
  const lab = await RepositoryLab.create();
  const disk = new ChangingDisk(600).write(...range(0, 60));
  await lab.storeStream(b1.id, disk.stream());
  return { lab, bytes: disk.write(3, 40).stream() };
}

/** Has the next read of the parent's map fail, and no other. */
function failMapOnce({ store }: RepositoryLab): void {
  const get = store.get.bind(store);
  let isOver = false;
  store.get = async (key, options) => {
    if (isOver || !key.startsWith('map/')) return get(key, options);
    isOver = true;
    throw new StoreError('unavailable', 'the store is busy', { retryable: true });
  };
}

describe('a backup that lost grains is never committed', () => {
  test('by a writer of the service: a failure ends it, and it leaves nothing', async () => {
    const { lab, bytes } = await twoGenerations();
    const before = lab.store.snapshot();
    const writer = await lab.service.openBackup(b2);
    failMapOnce(lab);
    const commit = () => writer.commit(manifestFor(b2.id, b2.volumeId, bytes));
    await expect(writer.write(bytes).then(commit)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect(commit()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(await lab.service.readManifest(b2)).toBeUndefined();
    expect(lab.store.snapshot()).toEqual(before);
  });

  test('whoever asks for it: what was stored is counted against the stream', async () => {
    const { lab, bytes } = await twoGenerations();
    const { store } = lab;
    const repository = { ...settings, store, ...(await openRepository(store, undefined, undefined)) };
    const { streamBytes, sha256 } = manifestFor(b2.id, b2.volumeId, bytes);
    const writer = await RepositoryWriter.begin(repository, b2, undefined, { streamBytes, sha256 });
    failMapOnce(lab);
    await expect(writer.write(bytes).then(() => writer.commit())).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect(writer.commit()).rejects.toMatchObject({ code: 'BACKUP_SERVICE_FAILED', retryable: true });
    await writer.abort();
    expect(await lab.service.readManifest(b2)).toBeUndefined();
  });
});

describe("a manifest that is not the stream's is refused, and nothing of the backup stays", () => {
  const zeros = '0'.repeat(64);

  test.each([
    ['of another SHA-256', { sha256: zeros }, { code: 'BACKUP_CORRUPT' }],
    ['of another length', { streamBytes: 1 }, { code: 'BACKUP_CORRUPT' }],
    ['of another backup', { backupId: 'b2' }, { code: 'INVALID_INPUT' }],
  ])('%s', async (_what, difference, error) => {
    const lab = await RepositoryLab.create();
    const before = lab.store.snapshot();
    const bytes = new ChangingDisk(600).write(...range(0, 60)).stream();
    const writer = await lab.service.openBackup(b1);
    await writer.write(bytes);
    await expect(writer.commit({ ...manifestFor('b1', 'v1', bytes), ...difference })).rejects.toMatchObject(error);
    expect(lab.store.snapshot()).toEqual(before);
  });

  test('by the copy of a backup that was committed with one', async () => {
    const [lab, other] = [await RepositoryLab.create(), await RepositoryLab.create()];
    const bytes = new ChangingDisk(600).write(...range(0, 60)).stream();
    const { streamBytes } = manifestFor('b1', 'v1', bytes);
    const repository = { ...settings, store: lab.store, ...(await openRepository(lab.store, undefined, undefined)) };
    // As one that was committed before such a manifest was refused.
    const writer = await RepositoryWriter.begin(repository, b1, undefined, { streamBytes, sha256: zeros });
    await writer.write(bytes);
    await writer.commit({ ...manifestFor('b1', 'v1', bytes), sha256: zeros });
    await expect(lab.service.copyTo(other.service, b1)).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
    expect(other.store.keys).toEqual(['repository.json']);
  });
});

test('writes that overlap are stored in the order in which they were made', async () => {
  const lab = await RepositoryLab.create();
  const bytes = new ChangingDisk(600).write(...range(0, 200)).stream();
  const writer = await lab.service.openBackup(b1);
  const third = Math.ceil(bytes.length / 3);
  // Each is longer than what is taken of one before its grains are stored.
  expect(third).toBeGreaterThan(2 * 1024 * 1024);
  const written = [0, 1, 2].map((place) => writer.write(bytes.subarray(place * third, (place + 1) * third)));
  const committed = writer.commit(manifestFor(b1.id, b1.volumeId, bytes));
  await Promise.all([...written, committed]);
  expect((await lab.restored(b1.id)).equals(bytes)).toBe(true);
});

/** The vault of an encrypted repository, and each pair of a key and a nonce that it sealed something with. */
function watchedVault(): { readonly vault: Vault; readonly sealed: string[] } {
  const vault = sealedVault(Buffer.alloc(32, 7));
  const sealed: string[] = [];
  return {
    sealed,
    vault: {
      ...vault,
      seal: (pack, ordinal, bytes) => {
        sealed.push(`pack ${pack}, ${ordinal}`);
        return vault.seal(pack, ordinal, bytes);
      },
      sealRoot: (attempt, bytes) => {
        sealed.push(`root ${attempt}, 0`);
        return vault.sealRoot(attempt, bytes);
      },
    },
  };
}

test('no key of the vault meets a nonce twice, and no two packs have one id, over backups, collections and rewritings', async () => {
  const { vault, sealed } = watchedVault();
  const { store } = await RepositoryLab.create();
  const { id: repositoryId } = await openRepository(store, undefined, undefined);
  const repository = { ...settings, store, id: repositoryId, vault, packBytes: 65_536 };
  const disk = new ChangingDisk(600, 8).write(...range(0, 60));
  for (const id of ['b1', 'b2', 'b3']) {
    const writer = await RepositoryWriter.begin(repository, { id, volumeId: 'v1' });
    await writer.write(disk.write(...range(0, 60).filter((place) => place % 5 !== 0)).stream());
    await writer.commit();
  }
  const putAtFirst = store.keys.flatMap((key) => parsePackKey(key)?.pack ?? []);
  expect(new Set(store.keys.map((key) => key.split('/')[0]))).toEqual(
    new Set(['data', 'map', 'repository.json', 'volumes']),
  );
  expect(new Set(putAtFirst).size).toBe(putAtFirst.length);
  await deleteBackup(repository, { id: 'b1', volumeId: 'v1' }, undefined);
  await deleteBackup(repository, { id: 'b2', volumeId: 'v1' }, undefined);
  let rewritten = 0;
  for (let run = 0; run < 4; run++) {
    store.pass(25);
    rewritten += (await collectGarbage(repository, { maxRepackBytes: Infinity })).repacked;
  }
  expect(rewritten).toBeGreaterThan(0);
  expect(sealed.length).toBeGreaterThan(150);
  expect(new Set(sealed).size).toBe(sealed.length);
});
