import { StoreError } from '../errors/index.js';
import { untilAborted } from '../until-aborted.js';
import type { ObjectStore } from './object-store.js';
import { tryDelete } from './try-delete.js';

/**
 * The time by the store's clock: that of an object just put, which is deleted then.
 *
 * @param key one that nobody else uses, where an object with this body means nothing to anybody should it be left
 */
export async function storeTime(
  store: ObjectStore,
  key: string,
  body: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Date> {
  try {
    await store.put(key, body, { signal });
    const info = await store.stat(key, { signal });
    if (info === undefined) throw new StoreError('protocol', `${key}, which was just put, is not there`);
    return info.lastModified;
  } finally {
    await untilAborted(tryDelete(store, [key]), signal);
  }
}
