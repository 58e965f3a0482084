import { VmdkDriverError } from '../../errors/index.js';
import { isRecordKey, volumePrefix, volumesPrefix } from '../format/names.js';
import { type BackupRecord, parseRecord } from '../format/record.js';
import { readObject, type Repository } from '../repository.js';

/** A backup's record and when it was put, by the store's clock; or what is wrong with the object that should be one. */
export type FoundRecord =
  | { readonly record: BackupRecord; readonly committedAt: Date }
  | { readonly key: string; readonly error: VmdkDriverError };

/**
 * The records of a volume's backups, or of all. One that cannot be read ends nothing.
 *
 * @throws StoreError, AbortError
 */
export async function* listRecords(
  { store, vault }: Repository,
  volumeId: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<FoundRecord, void, undefined> {
  const prefix = volumeId === undefined ? volumesPrefix : volumePrefix(volumeId);
  for await (const { key, lastModified: committedAt } of store.list(prefix, { signal })) {
    if (!isRecordKey(key)) continue;
    const bytes = await readObject(store, key, signal);
    // Deleted since it was listed.
    if (bytes === undefined) continue;
    let found: FoundRecord;
    try {
      found = { record: parseRecord(bytes, key, vault), committedAt };
    } catch (error) {
      if (!(error instanceof VmdkDriverError)) throw error;
      found = { key, error };
    }
    yield found;
  }
}
