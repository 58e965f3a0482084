import { types } from 'node:util';
import { VmdkDriverError } from '../../errors/index.js';
import { type Lease, parseLease } from '../format/lease.js';
import { attemptOfRootKey, isRecordKey, leasePrefix, rootKey, volumesPrefix } from '../format/names.js';
import type { PackRecord } from '../format/pack.js';
import { packKey } from '../format/pack-id.js';
import { parseRecord } from '../format/record.js';
import { parseRoot, type Root } from '../format/root.js';
import { readObject, readRoot, type Repository } from '../repository.js';
import { leaseLimitMs } from '../write/lease-keeper.js';

/** What must stay. */
export interface LiveObjects {
  /** Keys of roots of committed backups and of running ones' parents. */
  readonly roots: ReadonlySet<string>;
  /** The packs these refer to, by the key they were put at. */
  readonly packs: ReadonlyMap<string, PackRecord>;
  /** Attempts that are running, as far as their leases tell: all that is theirs stays. */
  readonly attempts: ReadonlySet<string>;
  /** Leases that nobody gave a sign of life for too long. */
  readonly deadLeases: readonly string[];
}

/** A lease, and whether its writer is taken for alive; or a root that must stay. */
type Living =
  { readonly lease: string; readonly alive: boolean } | { readonly key: string; readonly root: Root | undefined };

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
  const roots = new Set<string>();
  const packs = new Map<string, PackRecord>();
  const attempts = new Set<string>();
  const deadLeases: string[] = [];
  for await (const living of walk(repository, now, signal)) {
    if ('root' in living) {
      roots.add(living.key);
      if (living.root !== undefined) addPacks(living.root, packs);
    } else if (living.alive) {
      attempts.add(living.lease.slice(leasePrefix.length).replace(/\.json$/, ''));
    } else {
      deadLeases.push(living.lease);
    }
  }
  return { roots, packs, attempts, deadLeases };
}

/** The roots of committed backups and of running ones' parents, one after the other: they may be large. */
export async function* liveRoots(
  repository: Repository,
  now: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Root, void, undefined> {
  for await (const living of walk(repository, now, signal)) {
    if ('root' in living && living.root !== undefined) yield living.root;
  }
}

async function* walk(
  repository: Repository,
  now: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Living, void, undefined> {
  const { store, vault } = repository;
  // Leases first: a backup that commits meanwhile is then seen by its lease or by its record.
  for await (const { key, lastModified } of store.list(leasePrefix, { signal })) {
    // Of a time that is not known nothing is over.
    const alive = !(now - lastModified.getTime() > leaseLimitMs);
    yield { lease: key, alive };
    if (!alive) continue;
    const bytes = await readObject(store, key, signal);
    const lease = bytes && parseLease(bytes);
    const parent = lease && (await readParent(repository, lease, signal));
    if (parent !== undefined) yield parent;
  }
  for await (const { key } of store.list(volumesPrefix, { signal })) {
    if (!isRecordKey(key)) continue;
    const bytes = await readObject(store, key, signal);
    // Deleted since it was listed.
    if (bytes === undefined) continue;
    const record = parseRecord(bytes, key, vault);
    const { volumeId, backupId, attempt } = record;
    yield { key: rootKey(volumeId, backupId, attempt), root: await readRoot(repository, record, signal) };
  }
}

/** The parent of a running backup stays, though its record may be deleted by now. */
async function readParent(
  { store, vault }: Repository,
  { volumeId, parent }: Lease,
  signal: AbortSignal | undefined,
): Promise<Living | undefined> {
  if (parent === undefined) return undefined;
  const key = rootKey(volumeId, parent.backupId, parent.attempt);
  const bytes = await readObject(store, key, signal);
  // Gone before the lease was put: the writer sees that, and shares nothing.
  if (bytes === undefined) return undefined;
  try {
    return { key, root: await parseRoot(vault.openRoot(parent.attempt, bytes)) };
  } catch (error) {
    // A root that was not the committed one is none that a writer shares with.
    if (!(error instanceof VmdkDriverError || error instanceof RangeError || isZlibError(error))) throw error;
    return { key, root: undefined };
  }
}

function isZlibError(error: unknown): boolean {
  return types.isNativeError(error) && 'errno' in error;
}

function addPacks({ dataPacks, mapPacks }: Root, packs: Map<string, PackRecord>): void {
  for (const pack of dataPacks) packs.set(packKey('data', pack.id), pack);
  for (const pack of mapPacks) packs.set(packKey('map', pack.id), pack);
}

/** The attempt a root or a lease belongs to. */
export function attemptOfKey(key: string): string | undefined {
  return /^(?:data|map)\/([0-9a-f]{24})\//.exec(key)?.[1] ?? attemptOfRootKey(key);
}
