import { anySignal } from '../any-signal.js';
import { throwIfAborted } from '../errors/index.js';
import type { Logger } from '../logger.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { type ProfiledVm, readStorageProfiles } from './associated-profiles.js';
import type { StorageProfiles } from './storage-profiles.js';

/** How long a storage policy service that does not answer is waited for. */
const patienceMs = 30_000;

/** What asking for storage policies needs. */
export interface ProfileQuery extends AbortableOptions {
  readonly vim: VimSession;
  readonly logger: Logger;
}

/**
 * The storage policies of a VM and its disk, as far as they can be known: the storage policy service may be down, and a user
 * who backs up volumes may lack the privilege to look at policies.
 *
 * @param otherwise decides what it means that they cannot be. Default: as if there were none
 */
export async function profilesIfKnown(
  { vim, logger, signal }: ProfileQuery,
  found: ProfiledVm,
  otherwise: (error: unknown) => StorageProfiles = () => ({}),
): Promise<StorageProfiles> {
  const patience = AbortSignal.timeout(patienceMs);
  try {
    return await readStorageProfiles(vim, found, {
      signal: signal === undefined ? patience : anySignal(signal, patience),
    });
  } catch (error) {
    throwIfAborted(signal);
    const profiles = otherwise(error);
    logger.warn({ vm: found.ref.value, err: error }, 'the storage policies of a backing cannot be told');
    return profiles;
  }
}
