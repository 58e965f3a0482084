import { EventLoopTurns } from '../../event-loop-turns.js';
import type { ObjectInfo } from '../../stores/object-store.js';
import { directoryBytes, parseDirectory } from '../format/pack.js';
import { packKey, parsePackKey } from '../format/pack-id.js';
import { isWholePack } from '../read/check-pack.js';
import { readObject, type Repository } from '../repository.js';
import type { NeededGrains } from './needed-grains.js';

/** A rewriting is needed as its pack is, which is known by the key it was put at. */
export function packOf(key: string): string {
  const { kind, pack } = parsePackKey(key) ?? {};
  return kind === undefined || pack === undefined ? key : packKey(kind, pack);
}

/** The shortest object of each pack of grains, by the pack's id. */
export async function shortestOfPacks(candidates: readonly ObjectInfo[]): Promise<ReadonlyMap<string, ObjectInfo>> {
  const turns = new EventLoopTurns();
  const shortest = new Map<string, ObjectInfo>();
  for (const object of candidates) {
    await turns.pause();
    const { kind, pack } = parsePackKey(object.key) ?? {};
    if (kind !== 'data' || pack === undefined) continue;
    const known = shortest.get(pack);
    if (known === undefined || isShorter(object, known)) shortest.set(pack, object);
  }
  return shortest;
}

/** Everybody must take the same one for the shortest: it is the only one that is never deleted while the pack is needed. */
function isShorter(a: ObjectInfo, b: ObjectInfo): boolean {
  return a.size === b.size ? a.key < b.key : a.size < b.size;
}

/** Whether a shorter object of the same pack has been there for a grace. */
export function isSuperseded({ key }: ObjectInfo, shortest: ReadonlyMap<string, ObjectInfo>): boolean {
  const { pack } = parsePackKey(key) ?? {};
  const by = pack === undefined ? undefined : shortest.get(pack);
  return by !== undefined && packOf(by.key) === packOf(key) && by.key !== key;
}

/** Before a pack's longer object goes, the shorter one is read to its last byte: it must have, whole, all grains that are needed. */
export async function isReplaced(
  { store, vault }: Repository,
  { key }: ObjectInfo,
  { live, doubtful, packs, untold }: NeededGrains,
  shortest: ReadonlyMap<string, ObjectInfo>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { pack = '' } = parsePackKey(key) ?? {};
  const [record, by] = [packs.get(pack), shortest.get(pack)];
  if (record === undefined || by === undefined || by.key === key || untold.has(pack)) return false;
  const bytes = await readObject(store, by.key, signal, by.size);
  if (bytes === undefined || !(await isWholePack(vault, record, bytes))) return false;
  const { offsets } = parseDirectory(bytes.subarray(-directoryBytes(record.blobs)), record.blobs) ?? {};
  for (let ordinal = 0; ordinal < record.blobs; ordinal++) {
    const blob = { pack, ordinal };
    if ((live.has(blob) || doubtful.has(blob)) && offsets?.[ordinal] === offsets?.[ordinal + 1]) return false;
  }
  return true;
}
