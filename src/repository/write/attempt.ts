import type { Backup } from '../../model/backup.js';
import { newAttempt } from '../format/pack-id.js';
import { assertStillThere } from '../open-repository.js';
import { isCommitted, type Repository } from '../repository.js';
import { findParent, lostPacks, type Parent } from './find-parent.js';
import { LeaseKeeper } from './lease-keeper.js';

/** A run that stores a backup: its name, its lease, and what it may share. */
export interface Attempt {
  readonly id: string;
  readonly lease: LeaseKeeper;
  readonly parent: Parent | undefined;
  /** Packs of the parent that are not whole. */
  readonly lostPacks: ReadonlySet<string>;
  /** Why nothing, or not all, of a parent can be shared. */
  readonly reason: string | undefined;
}

/**
 * Begins an attempt. The writer rule: it may refer to packs of its own and to those of the parent its lease names. The
 * parent is looked for again once the lease is there, since until then it might have been deleted and collected.
 *
 * @throws StoreError where the repository is not there any more
 */
export async function beginAttempt(repository: Repository, backup: Backup, signal: AbortSignal): Promise<Attempt> {
  const id = newAttempt();
  const found = await findParent(repository, backup.volumeId, signal);
  const named = 'parent' in found ? found.parent.record : undefined;
  const lease = await LeaseKeeper.begin(
    repository.store,
    id,
    {
      volumeId: backup.volumeId,
      backupId: backup.id,
      ...(named && { parent: { backupId: named.backupId, attempt: named.attempt } }),
    },
    signal,
  );
  try {
    // With the lease: as long as that is there, so is the repository, and the lease is looked for before the commit.
    await assertStillThere(repository, signal);
    if ('reason' in found) return { id, lease, parent: undefined, lostPacks: new Set(), reason: found.reason };
    const { parent } = found;
    if (!(await isCommitted(repository, parent.record, signal))) {
      const reason = 'the last backup of the volume was deleted meanwhile';
      return { id, lease, parent: undefined, lostPacks: new Set(), reason };
    }
    const lost = await lostPacks(repository, parent.root, signal);
    const reason = lost.size === 0 ? undefined : `${lost.size} packs of ${parent.record.backupId} are not whole`;
    return { id, lease, parent, lostPacks: lost, reason };
  } catch (error) {
    await lease.end();
    throw error;
  }
}
