import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import {
  InvalidInputError,
  RepositoryDamagedError,
  StoreError,
  UnsupportedBackupError,
  WrongKeyError,
} from '../errors/index.js';
import type { ObjectStore } from '../stores/object-store.js';
import { repositoryKey } from './format/names.js';
import { pageGrains } from './format/page.js';
import { readObject, type Repository } from './repository.js';
import { newMasterKey, openKey, putKey, type RepositoryEncryption } from './vault/key-ring.js';
import { plainVault } from './vault/plain-vault.js';
import { sealedVault } from './vault/sealed-vault.js';

const descriptionSchema = z.object({
  format: z.literal('vmdk-driver-repository'),
  version: z.int(),
  id: z.string(),
  pageGrains: z.int(),
  encrypted: z.boolean(),
  keyProof: z.string().optional(),
});
type Description = z.infer<typeof descriptionSchema>;

/**
 * Creates a repository where there is none. One that is there is left as it is.
 *
 * @throws InvalidInputError where the one that is there is encrypted and this would not be, or the reverse
 */
export async function createRepository(
  store: ObjectStore,
  encryption: RepositoryEncryption | undefined,
  signal: AbortSignal | undefined,
): Promise<{ readonly created: boolean }> {
  if ((await readObject(store, repositoryKey, signal)) !== undefined) {
    await openRepository(store, encryption, signal);
    return { created: false };
  }
  const master = encryption && (await firstKey(store, encryption, signal));
  const id = randomUUID();
  const description: Description = {
    format: 'vmdk-driver-repository',
    version: 1,
    id,
    pageGrains,
    encrypted: master !== undefined,
    ...(master && { keyProof: proofOf(id, master) }),
  };
  const ifAbsent = (store.capabilities?.ifAbsent ?? 'none') !== 'none';
  const body = Buffer.from(JSON.stringify(description));
  const { created } = await store.put(repositoryKey, body, { signal, ...(ifAbsent ? { ifAbsent } : {}) });
  await openRepository(store, encryption, signal);
  return { created };
}

/**
 * Puts a key, and gives the oldest one that is there and opens: of several who create a repository at once, or one after the other where
 * the first was given up, all describe it by the same key, and it does not matter whose description stays. Keys that came later stay as
 * well: to take one away that another is about to describe the repository by would cost all of its backups.
 */
async function firstKey(
  store: ObjectStore,
  encryption: RepositoryEncryption,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  await putKey(store, encryption, newMasterKey(), signal);
  return (await openKey(store, encryption, () => true, signal)).master;
}

/**
 * Opens a repository.
 *
 * @throws StoreError where there is none
 * @throws WrongKeyError where it cannot be decrypted with what was given
 * @throws UnsupportedBackupError where a later version of this library made it
 */
export async function openRepository(
  store: ObjectStore,
  encryption: RepositoryEncryption | undefined,
  signal: AbortSignal | undefined,
): Promise<Pick<Repository, 'id' | 'vault' | 'wrappedKey'>> {
  const description = await readDescription(store, encryption, signal);
  const { id } = description;
  if (encryption === undefined) return { id, vault: plainVault };
  const { master, key } = await openKeyOf(description, store, encryption, signal);
  return { id, vault: sealedVault(master), wrappedKey: key };
}

/**
 * Looks whether the repository still lies where it was opened. A directory is an empty one, or another repository's, while the file system
 * with it is not mounted.
 *
 * @throws StoreError where it does not
 */
export async function assertStillThere({ store, id }: Repository, signal: AbortSignal | undefined): Promise<void> {
  const bytes = await readObject(store, repositoryKey, signal);
  if (bytes !== undefined && parse(bytes).id === id) return;
  const found = bytes === undefined ? 'there is no repository any more' : 'there is another repository now';
  throw new StoreError(
    'no-container',
    `${found} where repository ${id} was opened; check that its file system is mounted, and that the directory, bucket or container is its own`,
  );
}

/**
 * Wraps a repository's key by something else, and removes what it was wrapped by.
 *
 * @throws WrongKeyError where it cannot be opened as it is, or could not be as it would be; then nothing has changed
 * @throws StoreError where the old one could not be removed: then both open the repository
 */
export async function rewrapKey(
  store: ObjectStore,
  from: RepositoryEncryption,
  to: RepositoryEncryption,
  signal: AbortSignal | undefined,
): Promise<void> {
  const description = await readDescription(store, from, signal);
  const { master, key } = await openKeyOf(description, store, from, signal);
  await putKey(store, to, master, signal);
  const { retained, failed } = await store.delete([key], { signal });
  const what = `${key} is still there: what opened the repository before still does`;
  if (retained.length > 0) throw new StoreError('retained', what);
  const [{ error: cause } = {}] = failed;
  if (cause !== undefined) throw new StoreError('failed', what, { cause, retryable: cause.retryable });
}

async function readDescription(
  store: ObjectStore,
  encryption: RepositoryEncryption | undefined,
  signal: AbortSignal | undefined,
): Promise<Description> {
  const bytes = await readObject(store, repositoryKey, signal);
  if (bytes === undefined) {
    throw new StoreError('no-container', 'there is no repository here; initialize() creates one');
  }
  const description = parse(bytes);
  const { version, encrypted } = description;
  if (version !== 1 || description.pageGrains !== pageGrains) {
    throw new UnsupportedBackupError(`the repository is of version ${version}; this library knows version 1`);
  }
  if (encrypted && encryption === undefined) throw new WrongKeyError('the repository is encrypted; a key is needed');
  if (!encrypted && encryption !== undefined) {
    throw new InvalidInputError('options.encryption', 'is given for a repository that is not encrypted');
  }
  return description;
}

function openKeyOf(
  { id, keyProof }: Description,
  store: ObjectStore,
  encryption: RepositoryEncryption,
  signal: AbortSignal | undefined,
): ReturnType<typeof openKey> {
  const isRight = (master: Buffer): boolean => keyProof === undefined || keyProof === proofOf(id, master);
  return openKey(store, encryption, isRight, signal);
}

/** What tells a repository's key from one that somebody put who began to create it at the same moment. */
function proofOf(id: string, master: Uint8Array): string {
  return sealedVault(master).prove(id);
}

function parse(bytes: Buffer): Description {
  try {
    return descriptionSchema.parse(JSON.parse(bytes.toString()));
  } catch (error) {
    throw new RepositoryDamagedError(`${repositoryKey} does not describe a repository`, { cause: error });
  }
}
