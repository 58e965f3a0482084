import type { ListOptions, StoredBackup, UnreadableBackup } from '../../services/listed-backup.js';
import type { BackupRecord, Increment } from '../format/record.js';
import type { Repository } from '../repository.js';
import { listRecords } from './list-records.js';

/** A backup of a repository. */
export interface RepositoryBackup extends StoredBackup {
  readonly increment: Increment;
  /** Until when all that it needs is locked, ISO 8601. */
  readonly retainUntil?: string | undefined;
}

/** The backups of a repository, as a caller of the service shall see them. */
export async function* listBackups(
  repository: Repository,
  { volumeId, signal }: ListOptions,
): AsyncGenerator<RepositoryBackup | UnreadableBackup, void, undefined> {
  for await (const found of listRecords(repository, volumeId, signal)) {
    yield 'record' in found ? describe(found.record) : { id: found.key, error: found.error };
  }
}

function describe(record: BackupRecord): RepositoryBackup {
  const { backupId: id, volumeId, streamBytes, storedAt, increment, manifest, retainUntil } = record;
  return {
    id,
    volumeId,
    streamBytes,
    storedAt,
    increment,
    ...(manifest && { manifest }),
    ...(retainUntil === undefined ? {} : { retainUntil }),
  };
}
