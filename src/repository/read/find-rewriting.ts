import type { ObjectInfo, ObjectStore } from '../../stores/object-store.js';
import { rewritingPrefix, type PackKind } from '../format/pack-id.js';

/**
 * The shortest rewriting of a pack; undefined where it has none. A pack is where it was put; only where it is not there any
 * more did a compaction rewrite it.
 */
export async function findRewriting(
  store: ObjectStore,
  kind: PackKind,
  pack: string,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo | undefined> {
  let shortest: ObjectInfo | undefined;
  for await (const info of store.list(rewritingPrefix(kind, pack), { signal })) {
    if (shortest === undefined || info.size < shortest.size) shortest = info;
  }
  return shortest;
}
