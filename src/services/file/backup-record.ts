import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { hasErrno } from '../../errors/errno.js';
import { BackupCorruptError } from '../../errors/index.js';
import { parseRecord, recordShape } from '../record-shape.js';
import { asServiceError } from '../service-error.js';
import { parseFileName } from './file-names.js';

const recordSchema = z.object({
  ...recordShape,
  /** Name of the file, in the same directory, that holds the stream. */
  dataFile: z.string(),
});

/** What the store knows of a backup: the content of its `<key>.json`. */
export type BackupRecord = Readonly<z.infer<typeof recordSchema>>;

/**
 * Reads a record; undefined where there is none.
 *
 * @throws UnsupportedBackupError where it is of another version
 * @throws BackupCorruptError where it is damaged
 */
export async function readRecord(path: string, key: string): Promise<BackupRecord | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw asServiceError(error, 'a backup record cannot be read');
  }
  const record = parseRecord(recordSchema, text, key);
  const file = parseFileName(record.dataFile);
  // A record must not make a restore read, or a delete remove, any other file.
  if (file?.kind !== 'data' || file.key !== key) {
    throw new BackupCorruptError(`the record of backup ${key} names a data file that is not its own`);
  }
  return record;
}
