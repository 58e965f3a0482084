import { StoreError } from '../../errors/index.js';
import type { ObjectStore } from '../../stores/object-store.js';

/** Keys deleted by one call of the store. */
const batchSize = 1000;

/** The keys of the objects that begin with the prefix. */
export async function* keysBelow(
  store: ObjectStore,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<string, void, undefined> {
  for await (const { key } of store.list(prefix, { signal })) yield key;
}

/**
 * Deletes objects.
 *
 * @throws StoreError where one of them may still be there, once the others were tried; `retained` where all of these are locked
 */
export async function deleteAll(
  store: ObjectStore,
  keys: Iterable<string> | AsyncIterable<string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  let failure: Error | undefined;
  let locked: string | undefined;
  let batch: string[] = [];
  const flush = async () => {
    const { failed, retained } = await store.delete(batch, { signal });
    batch = [];
    failure ??= failed[0]?.error;
    locked ??= retained[0];
  };
  for await (const key of keys) {
    batch.push(key);
    if (batch.length === batchSize) await flush();
  }
  if (batch.length > 0) await flush();
  // A lock ends by itself; what failed may be somebody's to mend.
  if (failure !== undefined) throw failure;
  if (locked !== undefined) throw new StoreError('retained', `${locked} is locked and stays`);
}
