import type { ObjectInfo, ObjectStore } from '../../stores/object-store.js';
import { recordName, segmentName } from './object-names.js';
import type { ObjectRecord } from './object-record.js';

/** By how much a time that a list tells and one that a look tells may differ, of one object, in milliseconds: of both seconds may be all. */
const roundingMs = 1000;

/**
 * Whether a record that names another attempt may be one that this attempt's has replaced: a replica that was away answers with it, and
 * then the attempt's segments are those of the backup.
 *
 * It is not where, by the store's lists, the record that is there was put before the attempt began, whose own would be younger; or where it
 * is the one that is listed, and the attempt it names still put segments after that, and so its record after them. All these times are of the
 * store's clock. What cannot be told is left to a sweep after the next repetition, or after the backup's deletion.
 *
 * @param began the first object of the attempt, or its note
 */
export async function mayBeOutdated(
  store: ObjectStore,
  key: string,
  { attempt, streamBytes, segmentBytes }: ObjectRecord,
  began: ObjectInfo,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const record = await listedRecord(store, key, signal);
  if (record === undefined) return true;
  if (isBefore(record, began)) return false;
  const seen = await store.stat(recordName(key), { signal });
  if (seen === undefined || Math.abs(seen.lastModified.getTime() - record.lastModified.getTime()) > roundingMs)
    return true;
  const last = Math.max(0, Math.ceil(streamBytes / segmentBytes) - 1);
  const lastSegment = await listed(store, segmentName(key, attempt, last), signal);
  return lastSegment === undefined || isBefore(lastSegment, began);
}

/** A backup's record as the store lists it. */
export function listedRecord(
  store: ObjectStore,
  key: string,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo | undefined> {
  return listed(store, recordName(key), signal);
}

export function isBefore(one: ObjectInfo, other: ObjectInfo): boolean {
  return one.lastModified < other.lastModified;
}

/** An object as the store lists it: a list may be right where a replica of the object is not, and all its times are rounded alike. */
async function listed(
  store: ObjectStore,
  key: string,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo | undefined> {
  for await (const info of store.list(key, { signal })) {
    if (info.key === key) return info;
  }
  return undefined;
}
