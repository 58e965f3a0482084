import { AbortError, VmdkDriverError } from '../../errors/index.js';
import type { ObjectStore } from '../../stores/object-store.js';
import type { ListOptions, StoredBackup, UnreadableBackup } from '../listed-backup.js';
import { listedRecord } from '../record-shape.js';
import { keyOfRecord, recordsPrefix } from './object-names.js';
import { readRecord } from './object-record.js';

/** Records read at once. */
const atOnce = 8;

/** The backups of a store. */
export async function* listRecords(
  store: ObjectStore,
  { volumeId, signal }: ListOptions,
): AsyncGenerator<StoredBackup | UnreadableBackup, void, undefined> {
  for await (const keys of batches(store, signal)) {
    for (const listed of await Promise.all(keys.map((key) => read(store, key, signal)))) {
      if (listed === undefined) continue;
      if (volumeId === undefined || listed.error !== undefined || listed.volumeId === volumeId) yield listed;
    }
  }
}

async function* batches(store: ObjectStore, signal: AbortSignal | undefined): AsyncGenerator<string[]> {
  let keys: string[] = [];
  for await (const { key: name } of store.list(recordsPrefix, { signal })) {
    const key = keyOfRecord(name);
    if (key === undefined) continue;
    keys.push(key);
    if (keys.length < atOnce) continue;
    yield keys;
    keys = [];
  }
  yield keys;
}

async function read(
  store: ObjectStore,
  key: string,
  signal: AbortSignal | undefined,
): Promise<StoredBackup | UnreadableBackup | undefined> {
  try {
    const record = await readRecord(store, key, signal);
    // Deleted meanwhile.
    return record === undefined ? undefined : listedRecord(record);
  } catch (error) {
    if (!(error instanceof VmdkDriverError) || error instanceof AbortError) throw error;
    return { id: decodeURIComponent(key), error };
  }
}
