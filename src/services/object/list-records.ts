import type { ObjectStore } from '../../stores/object-store.js';
import { listOne } from '../list-one.js';
import type { ListOptions, StoredBackup, UnreadableBackup } from '../listed-backup.js';
import { keyOfRecord, recordsPrefix } from './object-names.js';
import { readRecord } from './object-record.js';

/** Records read at once. */
const atOnce = 8;

/** The backups of a store. */
export async function* listRecords(
  store: ObjectStore,
  options: ListOptions,
): AsyncGenerator<StoredBackup | UnreadableBackup, void, undefined> {
  const { signal } = options;
  for await (const keys of batches(store, signal)) {
    const listed = keys.map((key) => listOne(key, () => readRecord(store, key, signal), options));
    for (const backup of await Promise.all(listed)) if (backup !== undefined) yield backup;
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
