import { BackupCorruptError, ObjectNotFoundError, RepositoryDamagedError } from '../errors/index.js';
import type { Backup } from '../model/backup.js';
import type { ObjectStore } from '../stores/object-store.js';
import { readWhole } from '../stream/read-whole.js';
import { recordKey, rootKey } from './format/names.js';
import { type BackupRecord, parseRecord } from './format/record.js';
import { digestRoot, mostRootBytes, parseRoot, type Root } from './format/root.js';
import type { Vault } from './vault/vault.js';

/** An opened repository: where its objects lie, and what opens them. */
export interface Repository {
  readonly store: ObjectStore;
  /** The id it was created with. */
  readonly id: string;
  readonly vault: Vault;
  /** The object with the wrapped key that opened it; undefined where it is not encrypted. */
  readonly wrappedKey?: string | undefined;
  /** The length a pack of grains is put at, in bytes. */
  readonly packBytes: number;
  /** How many objects are moved at once for one backup. */
  readonly concurrency: number;
  /** For how many days what a backup needs is locked; undefined where nothing is. */
  readonly retainDays: number | undefined;
}

/** What records, leases and marks have at most, by far. */
const mostBytes = 64 * 1024 * 1024;

/**
 * An object's bytes; undefined where there is none.
 *
 * @throws StoreError where they are more than `limit`
 */
export async function readObject(
  store: ObjectStore,
  key: string,
  signal: AbortSignal | undefined,
  limit = mostBytes,
): Promise<Buffer | undefined> {
  try {
    return await readWhole(await store.get(key, { signal }), limit);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}

/**
 * A backup's record; undefined where there is no such backup.
 *
 * @throws RepositoryDamagedError, WrongKeyError
 * @throws BackupCorruptError where the record is another backup's
 */
export async function findRecord(
  { store, vault }: Repository,
  { id, volumeId }: Pick<Backup, 'id' | 'volumeId'>,
  signal: AbortSignal | undefined,
): Promise<BackupRecord | undefined> {
  const key = recordKey(volumeId, id);
  const bytes = await readObject(store, key, signal);
  if (bytes === undefined) return undefined;
  const record = parseRecord(bytes, key, vault);
  if (record.backupId !== id || record.volumeId !== volumeId) {
    throw new BackupCorruptError(`${key} is the record of backup ${record.backupId} of volume ${record.volumeId}`);
  }
  return record;
}

/** Whether a backup is still the one that the record tells of: it may have been deleted since, or another of its id be there. */
export async function isCommitted(
  repository: Repository,
  { backupId: id, volumeId, attempt }: BackupRecord,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const now = await findRecord(repository, { id, volumeId }, signal);
  return now?.attempt === attempt;
}

/**
 * The root of a backup.
 *
 * @throws RepositoryDamagedError where it is missing, or not the one that was committed
 */
export async function readRoot(
  { store, vault }: Repository,
  { volumeId, backupId, attempt, root }: BackupRecord,
  signal: AbortSignal | undefined,
): Promise<Root> {
  const key = rootKey(volumeId, backupId, attempt);
  const bytes = await readObject(store, key, signal, mostRootBytes);
  if (bytes === undefined) throw new RepositoryDamagedError(`${key} is missing`);
  if ((await digestRoot(bytes)) !== root.sha256) {
    throw new RepositoryDamagedError(`${key} is not the root that was committed`);
  }
  return openRoot(vault, attempt, key, bytes);
}

/**
 * What is in the root of an attempt.
 *
 * @param key the object's key, for errors
 * @throws RepositoryDamagedError where it cannot be read
 */
export async function openRoot(vault: Vault, attempt: string, key: string, bytes: Buffer): Promise<Root> {
  try {
    return await parseRoot(await vault.openRoot(attempt, bytes));
  } catch (error) {
    throw new RepositoryDamagedError(`${key} cannot be read`, { cause: error });
  }
}
