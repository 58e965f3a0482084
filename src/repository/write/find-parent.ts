import { throwIfAborted, VmdkDriverError } from '../../errors/index.js';
import { damagePrefix, isRecordKey, volumePrefix } from '../format/names.js';
import type { PackRecord } from '../format/pack.js';
import { attemptOf, packKey, type PackKind, parsePackKey } from '../format/pack-id.js';
import { type BackupRecord, parseRecord } from '../format/record.js';
import type { Root } from '../format/root.js';
import { readObject, readRoot, type Repository } from '../repository.js';

/** The backup that a new one of its volume shares grains with. */
export interface Parent {
  readonly record: BackupRecord;
  readonly root: Root;
}

/**
 * The newest backup of the volume, by the store's clock, that can be read. What cannot be read is passed over: then more is
 * stored anew, and that is all.
 *
 * @returns also why there is none
 */
export async function findParent(
  repository: Repository,
  volumeId: string,
  signal: AbortSignal,
): Promise<{ readonly parent: Parent } | { readonly reason: string }> {
  const found: { readonly key: string; readonly time: number }[] = [];
  for await (const { key, lastModified } of repository.store.list(volumePrefix(volumeId), { signal })) {
    if (isRecordKey(key)) found.push({ key, time: lastModified.getTime() });
  }
  found.sort((a, b) => b.time - a.time);
  for (const { key } of found) {
    const parent = await read(repository, key, signal);
    if (parent !== undefined) return { parent };
  }
  return {
    reason: found.length === 0 ? 'the first backup of the volume' : 'no earlier backup of the volume can be read',
  };
}

async function read(repository: Repository, key: string, signal: AbortSignal): Promise<Parent | undefined> {
  try {
    const bytes = await readObject(repository.store, key, signal);
    if (bytes === undefined) return undefined;
    const record = parseRecord(bytes, key, repository.vault);
    return { record, root: await readRoot(repository, record, signal) };
  } catch (error) {
    throwIfAborted(signal);
    if (!(error instanceof VmdkDriverError) || error.code === 'STORE_FAILED') throw error;
    return undefined;
  }
}

/** The packs of a root that are not there, not of the length they were put with, or noted as broken by a verification. */
export async function lostPacks(
  { store }: Repository,
  { dataPacks, mapPacks }: Root,
  signal: AbortSignal | undefined,
): Promise<Set<string>> {
  const lost = new Set<string>();
  const look = async (kind: PackKind, packs: readonly PackRecord[]): Promise<void> => {
    const missing = new Map(packs.map((pack) => [pack.id, pack]));
    for (const attempt of new Set(packs.map(({ id }) => attemptOf(id)))) {
      for await (const { key, size } of store.list(`${kind}/${attempt}/`, { signal })) {
        const { pack = '' } = parsePackKey(key) ?? {};
        // A rewriting has all that the parent refers to, and is shorter.
        if (missing.get(pack)?.bytes === size || key !== packKey(kind, pack)) missing.delete(pack);
      }
    }
    for (const id of missing.keys()) lost.add(id);
  };
  await look('data', dataPacks);
  await look('map', mapPacks);
  const known = new Set([...dataPacks, ...mapPacks].map(({ id }) => id));
  for await (const { key } of store.list(damagePrefix, { signal })) {
    const pack = key.slice(damagePrefix.length);
    if (known.has(pack)) lost.add(pack);
  }
  return lost;
}
