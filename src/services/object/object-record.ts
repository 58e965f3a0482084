import { buffer } from 'node:stream/consumers';
import * as z from 'zod';
import { BackupCorruptError, ObjectNotFoundError } from '../../errors/index.js';
import type { ObjectStore } from '../../stores/object-store.js';
import { parseRecord, recordShape } from '../record-shape.js';
import { attemptPattern, recordName } from './object-names.js';

const recordSchema = z.object({
  ...recordShape,
  /** Whose segments the stream is made of. */
  attempt: z.string().regex(attemptPattern),
  /** Length of each segment but the last, in bytes. */
  segmentBytes: z.int().positive(),
});

/** What the service knows of a backup: the content of its `backups/<key>.json`. */
export type ObjectRecord = Readonly<z.infer<typeof recordSchema>>;

/** The longest record, in bytes: a manifest has some hundred. */
const maxRecordBytes = 1024 * 1024;

/**
 * Reads a record; undefined where there is none.
 *
 * @throws UnsupportedBackupError where it is of another version
 * @throws BackupCorruptError where it is damaged
 */
export async function readRecord(
  store: ObjectStore,
  key: string,
  signal: AbortSignal | undefined,
): Promise<ObjectRecord | undefined> {
  const name = recordName(key);
  try {
    const stream = await store.get(name, { signal });
    return parseRecord(recordSchema, await textOf(stream, key), key);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}

async function textOf(stream: NodeJS.ReadableStream, key: string): Promise<string> {
  const bounded = async function* () {
    let length = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxRecordBytes) throw new BackupCorruptError(`the record of backup ${key} is too long`);
      yield chunk;
    }
  };
  return (await buffer(bounded())).toString('utf8');
}

export function recordBytes(record: ObjectRecord): Buffer {
  return Buffer.from(`${JSON.stringify(record, undefined, 2)}\n`);
}
