import { randomBytes } from 'node:crypto';
import { StoreError } from '../../errors/index.js';
import { untilAborted } from '../../until-aborted.js';
import { marksPrefix } from '../format/names.js';
import type { Repository } from '../repository.js';
import { tryDelete } from '../try-delete.js';

/**
 * The time by the store's clock: that of an object just put. It marks nothing as garbage, so that a collection deletes it where that could
 * not be done here.
 */
export async function storeTime({ store }: Repository, signal: AbortSignal | undefined): Promise<Date> {
  const key = `${marksPrefix}${randomBytes(12).toString('hex')}.json`;
  try {
    await store.put(key, Buffer.from(JSON.stringify({ keys: [] })), { signal });
    const info = await store.stat(key, { signal });
    if (info === undefined) throw new StoreError('protocol', `${key}, which was just put, is not there`);
    return info.lastModified;
  } finally {
    await untilAborted(tryDelete(store, [key]), signal);
  }
}
