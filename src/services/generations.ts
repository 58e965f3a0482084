import { VmdkDriverError } from '../errors/index.js';
import { abandonedAfterMs } from '../stores/file/attempt-name.js';
import type { CommonRecord } from './record-shape.js';

/** One of those that were stored for a key: the one of the highest generation is the backup, the others were replaced. */
export interface Generation {
  readonly name: string;
  readonly key: string;
  readonly generation: number;
}

/** All generations by their keys, each with the newest first. */
export function byKey<T extends Generation>(all: readonly T[]): Map<string, T[]> {
  const keys = new Map<string, T[]>();
  for (const one of all) keys.set(one.key, [...(keys.get(one.key) ?? []), one]);
  // Of two that were committed at once, either is the backup, and for everybody the same.
  const newestFirst = (a: T, b: T) => b.generation - a.generation || (a.name < b.name ? 1 : -1);
  for (const ofKey of keys.values()) ofKey.sort(newestFirst);
  return keys;
}

/**
 * The record of a backup that is so old that nobody reads what it replaced any more; undefined for a younger one, and where it cannot be
 * read.
 */
export async function recordIfOld<T extends CommonRecord>(read: Promise<T | undefined>): Promise<T | undefined> {
  const record = await read.catch((error: unknown) => {
    if (error instanceof VmdkDriverError) return undefined;
    throw error;
  });
  const isOld = record !== undefined && Date.now() - Date.parse(record.storedAt) >= abandonedAfterMs;
  return isOld ? record : undefined;
}
