import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfAborted, VmdkDriverError } from '../../errors/index.js';
import { hasErrno } from '../../stores/file/errno.js';
import type { ListOptions, StoredBackup, UnreadableBackup } from '../listed-backup.js';
import { listedRecord } from '../record-shape.js';
import { readRecord } from './backup-record.js';
import { parseFileName } from './file-names.js';

/** The backups of a directory. Its records are read one after the other. */
export async function* listBackups(
  directory: string,
  { volumeId, signal }: ListOptions,
): AsyncGenerator<StoredBackup | UnreadableBackup, void, undefined> {
  for await (const name of fileNames(directory)) {
    throwIfAborted(signal);
    const file = parseFileName(name);
    if (file?.kind !== 'record') continue;
    const listed = await read(directory, name, file.key);
    if (listed === undefined) continue;
    if (volumeId === undefined || listed.error !== undefined || listed.volumeId === volumeId) yield listed;
  }
}

async function* fileNames(directory: string): AsyncGenerator<string> {
  try {
    for await (const { name } of await opendir(directory)) yield name;
  } catch (error) {
    // No backup has been stored yet.
    if (!hasErrno(error, 'ENOENT')) throw error;
  }
}

async function read(
  directory: string,
  name: string,
  key: string,
): Promise<StoredBackup | UnreadableBackup | undefined> {
  try {
    const record = await readRecord(join(directory, name), key);
    // Deleted meanwhile.
    return record === undefined ? undefined : listedRecord(record);
  } catch (error) {
    if (!(error instanceof VmdkDriverError)) throw error;
    return { id: decodeURIComponent(key), error };
  }
}
