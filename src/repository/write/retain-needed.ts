import { ObjectNotFoundError, RepositoryDamagedError } from '../../errors/index.js';
import type { ObjectStore } from '../../stores/object-store.js';
import { keysPrefix, repositoryKey } from '../format/names.js';
import { attemptOf, packKey, type PackKind } from '../format/pack-id.js';
import type { Root } from '../format/root.js';
import { findRewriting } from '../read/find-rewriting.js';
import type { Repository } from '../repository.js';

/**
 * Locks what a backup needs and did not put itself: the packs it shares, and what the repository is opened with. A lock that lasts longer
 * stays as it is.
 *
 * @param attempt the backup's own, whose packs were locked as they were put
 * @throws RepositoryDamagedError where the repository has lost all of its keys
 */
export async function retainNeeded(
  repository: Repository,
  { dataPacks, mapPacks }: Root,
  attempt: string,
  until: Date,
  signal: AbortSignal,
): Promise<void> {
  const packs = [
    ...dataPacks.map(({ id }) => ({ kind: 'data', id }) as const),
    ...mapPacks.map(({ id }) => ({ kind: 'map', id }) as const),
  ].filter(({ id }) => attemptOf(id) !== attempt);
  for (const { kind, id } of packs) await retainPack(repository, kind, id, until, signal);
  await repository.store.extendRetention?.(repositoryKey, until, { signal });
  await retainKey(repository, until, signal);
}

async function retainPack(
  { store }: Repository,
  kind: PackKind,
  pack: string,
  until: Date,
  signal: AbortSignal,
): Promise<void> {
  try {
    await store.extendRetention?.(packKey(kind, pack), until, { signal });
  } catch (error) {
    const rewriting = await findRewriting(store, kind, pack, signal);
    if (rewriting === undefined) throw error;
    await store.extendRetention?.(rewriting.key, until, { signal });
  }
}

/** Only the key that opened the repository: one that stayed when it was wrapped anew shall not be kept for ever. */
async function retainKey({ store, wrappedKey }: Repository, until: Date, signal: AbortSignal): Promise<void> {
  if (wrappedKey === undefined) return;
  try {
    await store.extendRetention?.(wrappedKey, until, { signal });
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
    // Wrapped anew since: which of those that are there opens the repository now, only somebody else can tell.
    let count = 0;
    for await (const { key } of store.list(keysPrefix, { signal })) {
      if (await lockIfThere(store, key, until, signal)) count += 1;
    }
    if (count === 0) throw new RepositoryDamagedError('the repository is encrypted and has no keys', { cause: error });
  }
}

/** Locks a key that was listed; false where it has gone since, wrapped anew once more. */
async function lockIfThere(store: ObjectStore, key: string, until: Date, signal: AbortSignal): Promise<boolean> {
  try {
    await store.extendRetention?.(key, until, { signal });
    return true;
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return false;
    throw error;
  }
}
