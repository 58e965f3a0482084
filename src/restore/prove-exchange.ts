import { type Backing, readBacking } from '../backing/backing.js';
import { hasUuid } from '../backing/virtual-disk.js';
import { OwnershipLostError, RestoreError, VmdkDriverError } from '../errors/index.js';
import type { DiskReplacement } from '../journal/restore-journal.js';
import type { StorageProfiles } from '../pbm/storage-profiles.js';
import { wrongProfiles } from '../pbm/wrong-profiles.js';
import { repeatLost } from '../vim/repeat-lost.js';
import type { MoRef } from '../vim/schema/index.js';
import type { VimSession } from '../vim/vim-session.js';

/** What a backing's disk is to be after an exchange; of what is absent any will do. */
export interface ExpectedDisk extends Pick<DiskReplacement, 'controllerKey' | 'unitNumber'> {
  readonly capacityBytes: number | undefined;
  readonly uuid: string | undefined;
  readonly profiles: StorageProfiles;
}

/** What is not as expected of a backing's disk; `undefined` where nothing is. */
export async function whatIsWrong(
  vim: VimSession,
  found: Backing,
  expected: ExpectedDisk,
): Promise<string | undefined> {
  return difference(found, expected) ?? wrongProfiles(vim, found, expected.profiles);
}

/** {@link whatIsWrong} by what a restore's journal says; whoever ends it can ask that, also after the volume was extended. */
export async function whatIsWrongByJournal(
  vim: VimSession,
  backing: MoRef,
  { controllerKey, unitNumber, capacityBytes, diskUuid, storageProfile }: DiskReplacement,
): Promise<string | undefined> {
  const profiles = { disk: storageProfile };
  const found = await readBacking(vim, backing);
  const atLeast = Math.max(capacityBytes ?? 0, found.disk.capacityBytes);
  const expected = { controllerKey, unitNumber, capacityBytes: atLeast, uuid: diskUuid, profiles };
  return whatIsWrong(vim, found, expected);
}

function difference({ disk }: Backing, expected: ExpectedDisk): string | undefined {
  const { capacityBytes = disk.capacityBytes, controllerKey, unitNumber, uuid } = expected;
  const { controllerKey: key = 0, unitNumber: unit = 0 } = disk.device;
  if (disk.capacityBytes !== capacityBytes) return `its capacity is ${disk.capacityBytes} bytes`;
  if (key !== controllerKey || unit !== unitNumber) return 'it is attached elsewhere';
  if (!hasUuid(disk.uuid, uuid)) return `its UUID is ${disk.uuid ?? 'unknown'}`;
  return undefined;
}

/** Why an exchange that was made is not known to be a good one. */
export interface Doubt {
  readonly error: RestoreError;
  /** Whether something is wrong for certain; otherwise that cannot be told now. */
  readonly isCertain: boolean;
}

/**
 * Proves an exchange that was made, once more. The old disk is not to be destroyed while there is a doubt.
 *
 * @param prove tells what is wrong
 * @param whereOldIs what to tell of the old disk
 */
export async function doubtAbout(
  prove: () => Promise<string | undefined>,
  whereOldIs: string,
): Promise<Doubt | undefined> {
  try {
    const wrong = await repeatLost(prove);
    if (wrong === undefined) return undefined;
    const message = `the volume has the restored disk, which is not as it should be (${wrong}); ${whereOldIs}`;
    return { error: new RestoreError(message), isCertain: true };
  } catch (error) {
    if (!(error instanceof VmdkDriverError) || error instanceof OwnershipLostError) throw error;
    const message = `the volume has the restored disk, but whether that is as it should be cannot be told (${error.message}); ${whereOldIs}`;
    return { error: new RestoreError(message, { cause: error, retryable: error.retryable }), isCertain: false };
  }
}
