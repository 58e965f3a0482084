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
import { readObject } from './repository.js';
import { newMasterKey, openKey, putKey, type RepositoryEncryption } from './vault/key-ring.js';
import { plainVault } from './vault/plain-vault.js';
import { sealedVault } from './vault/sealed-vault.js';
import type { Vault } from './vault/vault.js';

const descriptionSchema = z.object({
  format: z.literal('vmdk-driver-repository'),
  version: z.int(),
  id: z.string(),
  pageGrains: z.int(),
  encrypted: z.boolean(),
});

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
  if (encryption !== undefined) await putKey(store, encryption, newMasterKey(), signal);
  const description = {
    format: 'vmdk-driver-repository',
    version: 1,
    id: randomUUID(),
    pageGrains,
    encrypted: encryption !== undefined,
  } satisfies z.infer<typeof descriptionSchema>;
  const ifAbsent = (store.capabilities?.ifAbsent ?? 'none') !== 'none';
  const body = Buffer.from(JSON.stringify(description));
  const { created } = await store.put(repositoryKey, body, { signal, ...(ifAbsent ? { ifAbsent } : {}) });
  await openRepository(store, encryption, signal);
  return { created };
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
): Promise<Vault> {
  const bytes = await readObject(store, repositoryKey, signal);
  if (bytes === undefined) {
    throw new StoreError('no-container', 'there is no repository here; initialize() creates one');
  }
  const { version, encrypted, ...description } = parse(bytes);
  if (version !== 1 || description.pageGrains !== pageGrains) {
    throw new UnsupportedBackupError(`the repository is of version ${version}; this library knows version 1`);
  }
  if (encrypted && encryption === undefined) throw new WrongKeyError('the repository is encrypted; a key is needed');
  if (!encrypted && encryption !== undefined) {
    throw new InvalidInputError('options.encryption', 'is given for a repository that is not encrypted');
  }
  return encryption === undefined ? plainVault : sealedVault((await openKey(store, encryption, signal)).master);
}

function parse(bytes: Buffer): z.infer<typeof descriptionSchema> {
  try {
    return descriptionSchema.parse(JSON.parse(bytes.toString()));
  } catch (error) {
    throw new RepositoryDamagedError(`${repositoryKey} does not describe a repository`, { cause: error });
  }
}
