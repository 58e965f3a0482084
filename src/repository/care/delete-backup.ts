import { BackupServiceError } from '../../errors/index.js';
import type { Backup } from '../../model/backup.js';
import { recordKey } from '../format/names.js';
import type { Repository } from '../repository.js';

/**
 * Deletes a backup's record, and with it the backup. What only it needed is garbage from then on.
 *
 * @throws BackupServiceError where it is locked
 */
export async function deleteBackup(
  { store }: Repository,
  { id, volumeId }: Pick<Backup, 'id' | 'volumeId'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { retained, failed } = await store.delete([recordKey(volumeId, id)], { signal });
  if (failed[0] !== undefined) throw failed[0].error;
  if (retained.length > 0) throw new BackupServiceError(`backup ${id} is locked and cannot be deleted yet`);
}
