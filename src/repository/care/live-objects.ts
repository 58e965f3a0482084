import { RepositoryDamagedError } from '../../errors/index.js';
import { EventLoopTurns } from '../../event-loop-turns.js';
import { type Lease, parseLease } from '../format/lease.js';
import { attemptOfRootKey, isRecordKey, leasePrefix, rootKey, volumesPrefix } from '../format/names.js';
import type { PackRecord } from '../format/pack.js';
import { packKey } from '../format/pack-id.js';
import { parseRecord } from '../format/record.js';
import { mostRootBytes, type Root } from '../format/root.js';
import { openRoot, readObject, readRoot, type Repository } from '../repository.js';
import { leaseLimitMs } from '../write/lease-keeper.js';

/** What must stay. */
export interface LiveObjects {
  /** Keys of roots of committed backups and of running ones' parents. */
  readonly roots: ReadonlySet<string>;
  /** The packs these refer to, by the key they were put at. */
  readonly packs: ReadonlyMap<string, PackRecord>;
  /** Attempts that are running, as far as their leases tell: all that is theirs stays. */
  readonly attempts: ReadonlySet<string>;
}

/** A root, and where it lies. */
export interface KeyedRoot {
  readonly key: string;
  readonly root: Root;
}

/** A root that may be needed; without what is in it where that cannot be read. */
export interface DoubtfulRoot {
  readonly key: string;
  readonly root: Root | undefined;
}

/** An attempt that is taken for running, or a root that must stay. */
type Living = { readonly attempt: string } | KeyedRoot;

/**
 * Leases that nobody gave a sign of life for too long.
 *
 * @param now the store's clock
 */
export async function findDeadLeases(
  { store }: Repository,
  now: number,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const dead: string[] = [];
  for await (const { key, lastModified } of store.list(leasePrefix, { signal })) {
    if (now - lastModified.getTime() > leaseLimitMs) dead.push(key);
  }
  return dead;
}

/**
 * Looks for all that is needed. It is an error not to be able to tell: nothing may be taken for garbage because a record, a root or
 * a lease could not be read.
 *
 * @param ended leases that count no more, though a list that lags may still have them
 * @throws RepositoryDamagedError where one of them cannot be read; `verify` tells which records and roots
 */
export async function findLiveObjects(
  repository: Repository,
  ended: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<LiveObjects> {
  const roots = new Set<string>();
  const packs = new Map<string, PackRecord>();
  const attempts = new Set<string>();
  for await (const living of walk(repository, ended, signal)) {
    if ('root' in living) {
      roots.add(living.key);
      await addPacks(living.root, packs);
    } else {
      attempts.add(living.attempt);
    }
  }
  return { roots, packs, attempts };
}

/** The roots of committed backups and of running ones' parents, one after the other: they may be large. */
export async function* liveRoots(
  repository: Repository,
  ended: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): AsyncGenerator<KeyedRoot, void, undefined> {
  for await (const living of walk(repository, ended, signal)) {
    if ('root' in living) yield living;
  }
}

/**
 * Roots that nobody was seen to need, and that were not marked a grace ago: of backups that were deleted, given up, or not seen. A
 * backup that is committed while the live ones are looked for, and its parent deleted, has neither lease nor record that they are known
 * by, as has one that a list does not show yet. But its own root is there, or where that is not listed yet its parent's, and until these
 * are marked, and for a grace, all that they refer to stays.
 *
 * @param live keys of the roots that were seen to be needed, before this is called
 * @param ripe keys that were marked a grace ago
 */
export async function* doubtfulRoots(
  { store, vault }: Repository,
  live: ReadonlySet<string>,
  ripe: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): AsyncGenerator<DoubtfulRoot, void, undefined> {
  for await (const { key, size } of store.list(volumesPrefix, { signal })) {
    const attempt = attemptOfRootKey(key);
    if (attempt === undefined || live.has(key) || ripe.has(key)) continue;
    if (size > mostRootBytes) {
      yield { key, root: undefined };
      continue;
    }
    const bytes = await readObject(store, key, signal, mostRootBytes);
    // Given up, or collected by somebody else, since it was listed.
    if (bytes === undefined) continue;
    try {
      yield { key, root: await openRoot(vault, attempt, key, bytes) };
    } catch (error) {
      if (!(error instanceof RepositoryDamagedError)) throw error;
      yield { key, root: undefined };
    }
  }
}

/**
 * The packs that {@link doubtfulRoots} refer to, by the key they were put at; undefined where one of these cannot be read, and any pack
 * may be: until that root was marked, and for a grace.
 */
export async function findDoubtfulPacks(
  repository: Repository,
  live: ReadonlySet<string>,
  ripe: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, PackRecord> | undefined> {
  const packs = new Map<string, PackRecord>();
  for await (const { root } of doubtfulRoots(repository, live, ripe, signal)) {
    if (root === undefined) return undefined;
    await addPacks(root, packs);
  }
  return packs;
}

async function* walk(
  repository: Repository,
  ended: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Living, void, undefined> {
  const { store, vault } = repository;
  // Leases first: a backup that commits meanwhile is then seen by its lease or by its record.
  for await (const { key } of store.list(leasePrefix, { signal })) {
    if (ended.has(key)) continue;
    yield { attempt: key.slice(leasePrefix.length).replace(/\.json$/, '') };
    const bytes = await readObject(store, key, signal);
    // Its backup has ended since it was listed.
    if (bytes === undefined) continue;
    const parent = await readParent(repository, parseLease(bytes, key), signal);
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
  const bytes = await readObject(store, key, signal, mostRootBytes);
  // Gone before the lease was put: the writer sees that, and shares nothing.
  if (bytes === undefined) return undefined;
  // The writer has read it whole.
  return { key, root: await openRoot(vault, parent.attempt, key, bytes) };
}

async function addPacks({ dataPacks, mapPacks }: Root, packs: Map<string, PackRecord>): Promise<void> {
  const turns = new EventLoopTurns();
  for (const [kind, ofKind] of [
    ['data', dataPacks],
    ['map', mapPacks],
  ] as const) {
    for (const pack of ofKind) {
      await turns.pause();
      packs.set(packKey(kind, pack.id), pack);
    }
  }
}

/** The attempt a root or a lease belongs to. */
export function attemptOfKey(key: string): string | undefined {
  return /^(?:data|map)\/([0-9a-f]{24})\//.exec(key)?.[1] ?? attemptOfRootKey(key);
}
