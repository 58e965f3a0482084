import type { Backing } from '../backing/backing.js';
import { RestoreError } from '../errors/index.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import type { ParsedVolume } from '../model/volume.js';
import type { Operation } from '../operation/operation.js';
import { findStoragePolicy, hasStoragePolicy } from '../pbm/find-policy.js';
import { profilesIfKnown } from '../pbm/profiles-if-known.js';
import type { StorageProfiles } from '../pbm/storage-profiles.js';
import { isVirtualCenter } from '../vim/managers.js';

/**
 * The storage policies a restored volume is to have: those its backing has; without a backing the one its type names, else
 * the one the volume had when it was backed up.
 *
 * @throws InvalidInputError where there is no policy of the name the volume's type gives
 * @throws RestoreError where a backing's cannot be told, although there is reason to think that it has one
 */
export async function profilesForRestore(
  operation: Operation,
  volume: ParsedVolume,
  backing: Backing | undefined,
  manifest: BackupManifest | undefined,
): Promise<StorageProfiles> {
  if (backing === undefined) {
    const profileId = await policyOfNewVolume(operation, volume, manifest);
    return { vm: profileId, disk: profileId };
  }
  return profilesIfKnown(operation, backing, (error) => {
    if (volume.storageProfile === undefined && manifest?.storageProfile === undefined) return {};
    throw new RestoreError(`the storage policies of ${backing.name} cannot be told, so they could not be kept`, {
      cause: error,
      retryable: true,
    });
  });
}

async function policyOfNewVolume(
  { vim, signal, logger }: Operation,
  volume: ParsedVolume,
  manifest: BackupManifest | undefined,
): Promise<string | undefined> {
  if (volume.storageProfile !== undefined) return findStoragePolicy(vim, volume.storageProfile, { signal });
  const former = manifest?.storageProfile;
  if (former === undefined) return undefined;
  if (isVirtualCenter(vim) && (await hasStoragePolicy(vim, former, { signal }))) return former;
  logger.warn({ volumeId: volume.id, storageProfile: former }, "a backup's storage policy does not exist here");
  return undefined;
}
