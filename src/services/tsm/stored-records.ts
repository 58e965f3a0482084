import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { hasErrno } from '../../errors/errno.js';
import { BackupCorruptError } from '../../errors/index.js';
import { byKey } from '../generations.js';
import { parseRecord, recordShape } from '../record-shape.js';
import type { RecordName } from './archive-names.js';
import type { Dsmc } from './dsmc.js';
import { type ArchivedFile, hasSize } from './query-output.js';
import { inTemporaryDirectory } from './temporary-directory.js';

const recordSchema = z.object(recordShape);

/** What the service knows of a backup, archived beside it. */
export type ArchiveRecord = Readonly<z.infer<typeof recordSchema>>;

/** A record as the server has it. */
export type ArchivedRecord = ArchivedFile & RecordName;

/** The records among these files, by their backups' keys; each with the newest first. */
export function recordsAmong(files: readonly ArchivedFile[]): Map<string, ArchivedRecord[]> {
  return byKey(files.filter((file) => file.kind === 'record'));
}

/** The stream of a record's backup, among these files. */
export function dataAmong(files: readonly ArchivedFile[], { key, attempt }: ArchivedRecord): ArchivedFile | undefined {
  return files.find((file) => file.kind === 'data' && file.key === key && file.attempt === attempt);
}

/**
 * Retrieves a backup's record; undefined where it went meanwhile.
 *
 * @throws UnsupportedBackupError where it is of another version
 * @throws BackupCorruptError where it is damaged
 */
export async function retrieveRecord(
  dsmc: Dsmc,
  record: ArchivedRecord,
  signal: AbortSignal | undefined,
): Promise<ArchiveRecord | undefined> {
  return inTemporaryDirectory(dsmc.directory, async (directory) => {
    if (!(await dsmc.retrieve(record, join(directory, record.name), signal))) return undefined;
    const parsed = await readRecord(directory, record);
    if (parsed === undefined) throw new BackupCorruptError(`the record of backup ${record.key} was not retrieved`);
    return parsed;
  });
}

/** Reads a record that was retrieved into a directory; undefined where it was not. */
export async function readRecord(directory: string, record: ArchivedRecord): Promise<ArchiveRecord | undefined> {
  try {
    const text = await readFile(join(directory, record.name));
    if (!hasSize(record, text.length)) {
      throw new BackupCorruptError(`the record of backup ${record.key} was not retrieved whole`);
    }
    return parseRecord(recordSchema, text.toString('utf8'), record.key);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
