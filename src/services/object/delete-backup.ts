import { StoreError } from '../../errors/index.js';
import type { ObjectStore } from '../../stores/object-store.js';
import { noteAttempt } from './attempt-note.js';
import { attemptsAt } from './attempts-at.js';
import { deleteAll, keysBelow } from './delete-all.js';
import { notesPrefix, recordName, segmentsPrefix } from './object-names.js';
import { readRecord } from './object-record.js';

/** Removes a backup: first its record, then its data. */
export async function deleteBackup(store: ObjectStore, key: string, signal: AbortSignal | undefined): Promise<void> {
  let attempt: string | undefined;
  try {
    const record = await readRecord(store, key, signal);
    if (record === undefined) return;
    ({ attempt } = record);
    // A process that dies between the two leaves data that only the note tells of.
    await noteAttempt(store, attempt, key, signal);
  } catch (error) {
    if (error instanceof StoreError) throw error;
    // A record that cannot be read is removed all the same; its data is left to a sweep.
    for (const each of await attemptsAt(store, key, signal)) await noteAttempt(store, each, key, signal);
  }
  await deleteAll(store, [recordName(key)], signal);
  if (attempt === undefined) return;
  await deleteAll(store, keysBelow(store, segmentsPrefix(key, attempt), signal), signal);
  await deleteAll(store, keysBelow(store, notesPrefix(attempt), signal), signal);
}
