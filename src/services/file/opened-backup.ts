import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno } from '../../errors/errno.js';
import { BackupCorruptError, BackupNotFoundError } from '../../errors/index.js';
import type { Backup } from '../../model/backup.js';
import { backupKey } from '../backup-key.js';
import { assertRecordOf } from '../record-shape.js';
import { type BackupRecord, readRecord } from './backup-record.js';
import { recordFileName } from './file-names.js';

/** A backup that is there, with its data open for reading: from here on no replacement and no delete can change it. */
export interface OpenedBackup {
  readonly record: BackupRecord;
  readonly handle: FileHandle;
}

/**
 * The backup's record; undefined where there is no such backup.
 *
 * @throws BackupCorruptError where the record is another backup's or another volume's
 */
export async function findRecord(directory: string, backup: Backup): Promise<BackupRecord | undefined> {
  const key = backupKey(backup.id);
  const record = await readRecord(join(directory, recordFileName(key)), key);
  if (record === undefined) return undefined;
  assertRecordOf(backup, record);
  return record;
}

/**
 * Opens a backup for reading.
 *
 * @throws BackupNotFoundError
 * @throws BackupCorruptError where its data is missing
 */
export async function openStored(directory: string, backup: Backup): Promise<OpenedBackup> {
  for (let missing: string | undefined; ;) {
    const record = await findRecord(directory, backup);
    if (record === undefined) throw new BackupNotFoundError(`there is no backup ${backup.id}`);
    if (record.dataFile === missing) throw new BackupCorruptError(`the data of backup ${backup.id} is missing`);
    try {
      return { record, handle: await open(join(directory, record.dataFile), 'r') };
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error;
      // Replaced or deleted after its record was read: the record of now decides.
      missing = record.dataFile;
    }
  }
}
