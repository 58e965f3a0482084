import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno } from '../../errors/errno.js';
import { throwIfAborted } from '../../errors/index.js';
import { listOne } from '../list-one.js';
import type { ListOptions, StoredBackup, UnreadableBackup } from '../listed-backup.js';
import { readRecord } from './backup-record.js';
import { parseFileName } from './file-names.js';

/** The backups of a directory. Its records are read one after the other. */
export async function* listBackups(
  directory: string,
  options: ListOptions,
): AsyncGenerator<StoredBackup | UnreadableBackup, void, undefined> {
  for await (const name of fileNames(directory)) {
    throwIfAborted(options.signal);
    const file = parseFileName(name);
    if (file?.kind !== 'record') continue;
    const listed = await listOne(file.key, () => readRecord(join(directory, name), file.key), options);
    if (listed !== undefined) yield listed;
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
