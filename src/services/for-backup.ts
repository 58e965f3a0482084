import { throwIfAborted } from '../errors/index.js';
import type { Backup } from '../model/backup.js';
import { parseInput } from '../parse-input.js';
import { assertPrivate } from '../stores/file/private-directory.js';
import { backupKey } from './backup-key.js';
import { backupSchema } from './parse-arguments.js';
import { asServiceError } from './service-error.js';

/**
 * Does what a service was asked for with one backup.
 *
 * @param what went wrong where it fails, for errors: `cannot be stored`
 * @param action gets the key by which the service keeps the backup
 * @throws InvalidInputError where it is no backup, or its id has no key
 * @throws AbortError; BackupServiceError in place of what is no error of this library's
 */
export async function forBackup<T>(
  backup: Backup,
  signal: AbortSignal | undefined,
  what: string,
  action: (key: string) => Promise<T>,
): Promise<T> {
  const { id } = parseInput('backup', backupSchema, backup);
  const key = backupKey(id);
  throwIfAborted(signal);
  try {
    return await action(key);
  } catch (error) {
    throw asServiceError(error, `backup ${id} ${what}`);
  }
}

/**
 * {@link forBackup} of a service that keeps files in a directory. That is looked at each time: somebody may have opened it to others
 * since.
 *
 * @throws BackupServiceError where everybody may write to it
 */
export async function forBackupIn<T>(
  directory: string,
  backup: Backup,
  signal: AbortSignal | undefined,
  what: string,
  action: (key: string) => Promise<T>,
): Promise<T> {
  return forBackup(backup, signal, what, async (key) => {
    await assertPrivate(directory);
    return action(key);
  });
}
