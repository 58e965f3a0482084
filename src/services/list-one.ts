import { AbortError, StoreError, VmdkDriverError } from '../errors/index.js';
import { idOf } from './backup-key.js';
import type { ListOptions, StoredBackup, UnreadableBackup } from './listed-backup.js';
import { type CommonRecord, listedRecord } from './record-shape.js';

/**
 * What a list has of one backup; undefined where it is another volume's, or gone since it was seen. A record that is damaged, or of a
 * later version, is listed with its error; what prevents looking ends the list.
 *
 * @param key the backup's key
 * @param read reads its record
 */
export async function listOne(
  key: string,
  read: () => Promise<CommonRecord | undefined>,
  { volumeId }: ListOptions,
): Promise<StoredBackup | UnreadableBackup | undefined> {
  try {
    const record = await read();
    if (record === undefined || (volumeId !== undefined && record.volumeId !== volumeId)) return undefined;
    return listedRecord(record);
  } catch (error) {
    if (!(error instanceof VmdkDriverError) || error instanceof AbortError || error instanceof StoreError) throw error;
    return { id: idOf(key), error };
  }
}
