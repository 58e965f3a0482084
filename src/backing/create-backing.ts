import { BackingInvalidError, isVimFault } from '../errors/index.js';
import type { Logger } from '../logger.js';
import type { ParsedVolume } from '../model/volume.js';
import type { ResolvedConfig } from '../operation/driver-config.js';
import type { Leftovers } from '../operation/leftovers.js';
import { findStoragePolicy } from '../pbm/find-policy.js';
import { runTask } from '../vim/run-task.js';
import type { MoRef } from '../vim/schema/index.js';
import { settle } from '../vim/settle.js';
import { assertCapacity, readBacking, volumeIdKey } from './backing.js';
import { destroyBacking } from './delete-backing.js';
import { isUuid } from './disk-uuid.js';
import { type BackingLookup, findBacking } from './find-backing.js';
import { placeDisk } from './placement.js';
import { reportProvisioning } from './report-provisioning.js';
import { setAttachedDiskUuid } from './set-attached-disk-uuid.js';
import { hasUuid } from './virtual-disk.js';
import { managedByCinder, shadowVmConfig } from './vm-config.js';
import { ensureVolumeFolder } from './volume-folder.js';

/** What creating a backing needs. */
export interface BackingCreation extends BackingLookup {
  readonly config: ResolvedConfig;
  readonly logger: Logger;
  readonly leftovers: Leftovers;
}

/**
 * Creates a volume's backing with an empty disk (blueprint: "Create the backing VM if it not found"), named, marked and
 * placed as Cinder does.
 *
 * @throws NoValidDatastoreError
 * @throws BackingInvalidError where the disk is of another size than was asked for; the backing is gone again then, or noted as left
 * @throws InvalidInputError where there is no storage policy of the name the volume's type gives
 */
export async function createBacking(creation: BackingCreation, volume: ParsedVolume): Promise<MoRef> {
  const { vim, config, signal } = creation;
  const storageProfile =
    volume.storageProfile === undefined ? undefined : await findStoragePolicy(vim, volume.storageProfile, { signal });
  const placement = await placeDisk(vim, { ...config, storageProfile }, volume.sizeBytes, { signal });
  const folder = await ensureVolumeFolder(creation, placement.vmFolder, volume.projectId);
  const provisioning = volume.provisioning ?? 'thin';
  const spec = shadowVmConfig({
    name: volume.name,
    vmPathName: `[${placement.datastoreName}]`,
    adapterType: volume.adapterType ?? config.adapterType,
    provisioning,
    capacityBytes: volume.sizeBytes,
    hardwareVersion: config.hardwareVersion,
    extraConfig: { [volumeIdKey]: volume.id },
    managedBy: managedByCinder,
    storageProfiles: { vm: storageProfile, disk: storageProfile },
    ...(isUuid(volume.id) ? { instanceUuid: volume.id } : {}),
  });
  const args = { config: spec, pool: placement.resourcePool, host: placement.host };
  let made: MoRef | undefined;
  let ref: MoRef;
  try {
    ref = await settle(vim, {
      make: async () => (made = asVirtualMachine(await runTask(vim, 'CreateVM_Task', folder, args, { signal }))),
      on: folder,
      lookUp: () => findBacking(creation, volume),
    });
  } catch (error) {
    // Somebody else created it between our look and our call, and makes it whole.
    const others = isVimFault(error, 'DuplicateName') ? await findBacking(creation, volume) : undefined;
    if (others === undefined) throw asCreationError(error, volume);
    return others;
  }
  const backing = await readBacking(vim, ref, { signal });
  try {
    assertCapacity(backing, volume.sizeBytes);
  } catch (error) {
    // One that was looked up after a lost reply may be somebody else's.
    if (made === ref) await removeUnfit(creation, ref);
    else creation.leftovers.note();
    throw error;
  }
  reportProvisioning(creation, backing.disk, provisioning);
  // Cinder gives a volume's disk the volume's id as its UUID; a guest finds the disk by it.
  if (isUuid(volume.id) && !hasUuid(backing.disk.uuid, volume.id))
    await setAttachedDiskUuid(vim, backing, volume.id, { signal });
  return ref;
}

async function removeUnfit({ vim, logger, leftovers }: BackingCreation, ref: MoRef): Promise<void> {
  await destroyBacking(vim, ref).catch((error: unknown) => {
    leftovers.note();
    logger.warn({ err: error }, 'a backing of the wrong size could not be deleted');
  });
}

function asCreationError(error: unknown, { name }: ParsedVolume): unknown {
  if (!isVimFault(error, 'DuplicateName')) return error;
  const message = `another object is named ${name} in the volume's folder, and is not marked as the volume's`;
  return new BackingInvalidError(message, { cause: error });
}

function asVirtualMachine(result: unknown): MoRef {
  const ref = result as MoRef | undefined;
  if (ref?.type !== 'VirtualMachine') throw new BackingInvalidError('CreateVM_Task returned no virtual machine');
  return ref;
}
