import type { ObjectInfo, ObjectStore } from '../../stores/object-store.js';
import { type PackKind, rewritingPrefix } from '../format/pack-id.js';

/**
 * The shortest rewriting of a pack that was not tried yet; undefined where there is none. A pack is where it was put; a compaction
 * rewrites it, and it goes once that is whole.
 *
 * @param tried keys of objects that are gone or broken
 */
export async function findRewriting(
  store: ObjectStore,
  kind: PackKind,
  pack: string,
  signal: AbortSignal | undefined,
  tried: ReadonlySet<string> = new Set(),
): Promise<ObjectInfo | undefined> {
  let shortest: ObjectInfo | undefined;
  for await (const info of store.list(rewritingPrefix(kind, pack), { signal })) {
    if (!tried.has(info.key) && (shortest === undefined || info.size < shortest.size)) shortest = info;
  }
  return shortest;
}
