import { VmdkDriverError } from '../../errors/index.js';
import { attemptOfRootKey, isRecordKey, leasePrefix, rootKey, volumesPrefix } from '../format/names.js';
import { parseLease, type Lease } from '../format/lease.js';
import { packKey } from '../format/pack-id.js';
import { parseRecord } from '../format/record.js';
import { parseRoot, type Root } from '../format/root.js';
import { readObject, readRoot, type Repository } from '../repository.js';
import { leaseLimitMs } from '../write/lease-keeper.js';

/** What must stay. */
export interface LiveObjects {
  /** Keys of packs and roots that a committed backup, or the parent of a running one, refers to. */
  readonly keys: ReadonlySet<string>;
  /** Attempts that are running, as far as their leases tell: all that is theirs stays. */
  readonly attempts: ReadonlySet<string>;
  /** Leases that nobody gave a sign of life for too long. */
  readonly deadLeases: readonly string[];
}

/**
 * Looks for all that is needed. It is an error not to be able to tell: nothing may be taken for garbage because a record or a
 * root could not be read.
 *
 * @param now the store's clock
 * @throws RepositoryDamagedError where a backup's record or root cannot be read; `verify` tells which
 */
export async function findLiveObjects(
  repository: Repository,
  now: number,
  signal: AbortSignal | undefined,
): Promise<LiveObjects> {
  const keys = new Set<string>();
  const attempts = new Set<string>();
  const deadLeases: string[] = [];
  // Leases first: a backup that commits meanwhile is then seen by its lease or by its record.
  for await (const { key, lastModified } of repository.store.list(leasePrefix, { signal })) {
    if (now - lastModified.getTime() > leaseLimitMs) {
      deadLeases.push(key);
      continue;
    }
    attempts.add(key.slice(leasePrefix.length).replace(/\.json$/, ''));
    const bytes = await readObject(repository.store, key, signal);
    const lease = bytes && parseLease(bytes);
    if (lease !== undefined) await addParent(repository, lease, keys, signal);
  }
  for await (const { key } of repository.store.list(volumesPrefix, { signal })) {
    if (!isRecordKey(key)) continue;
    const bytes = await readObject(repository.store, key, signal);
    // Deleted since it was listed.
    if (bytes === undefined) continue;
    const record = parseRecord(bytes, key, repository.vault);
    keys.add(rootKey(record.volumeId, record.backupId, record.attempt));
    addPacks(await readRoot(repository, record, signal), keys);
  }
  return { keys, attempts, deadLeases };
}

/** The parent of a running backup stays, though its record may be deleted by now. */
async function addParent(
  { store, vault }: Repository,
  { volumeId, parent }: Lease,
  keys: Set<string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (parent === undefined) return;
  const key = rootKey(volumeId, parent.backupId, parent.attempt);
  const bytes = await readObject(store, key, signal);
  // Gone before the lease was put: the writer sees that, and shares nothing.
  if (bytes === undefined) return;
  keys.add(key);
  try {
    addPacks(await parseRoot(vault.openRoot(parent.attempt, bytes)), keys);
  } catch (error) {
    // A root that was not the committed one is none that a writer shares with.
    if (!(error instanceof VmdkDriverError || error instanceof RangeError || isZlibError(error))) throw error;
  }
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'errno' in error;
}

function addPacks({ dataPacks, mapPacks }: Root, keys: Set<string>): void {
  for (const { id } of dataPacks) keys.add(packKey('data', id));
  for (const { id } of mapPacks) keys.add(packKey('map', id));
}

/** The attempt a root or a lease belongs to. */
export function attemptOfKey(key: string): string | undefined {
  return /^(?:data|map)\/([0-9a-f]{24})\//.exec(key)?.[1] ?? attemptOfRootKey(key);
}
