import { readBacking, volumeIdKey } from '../backing/backing.js';
import { isUuid } from '../backing/disk-uuid.js';
import { escapeInventoryName } from '../backing/inventory-name.js';
import { placeDisk } from '../backing/placement.js';
import { extraConfig, managedByCinder, vmPathName } from '../backing/vm-config.js';
import { ensureVolumeFolder } from '../backing/volume-folder.js';
import type { Operation } from '../operation/operation.js';
import { isVimFault, RestoreError, throwIfAborted } from '../errors/index.js';
import type { RestoreJournal } from '../journal/restore-journal.js';
import type { StorageProfiles } from '../pbm/storage-profiles.js';
import { wrongProfiles } from '../pbm/wrong-profiles.js';
import type { AdapterType, DiskProvisioning } from '../model/disk-kinds.js';
import { readProperties } from '../vim/property-collector.js';
import { runTask } from '../vim/run-task.js';
import { settle } from '../vim/settle.js';
import type { ParsedVolume } from '../model/volume.js';
import { importTemporaryVm, type ImportedVm } from './import-temporary-vm.js';
import type { Restoration } from './restoration.js';
import type { RestoreSource } from '../stream/restore-source.js';
import { extendDisk, hasUuid } from '../backing/virtual-disk.js';

/** What a new backing's disk is to be like. */
export interface DiskKind {
  readonly adapterType: AdapterType;
  readonly provisioning: DiskProvisioning;
  /** The storage policies of VM and disk. */
  readonly storageProfiles: StorageProfiles;
}

/**
 * The blueprint's restore to a new volume: import the stream to create a new backing VM.
 *
 * The VM is imported under a temporary name, made whole (size, disk UUID, identity) and then published by one rename.
 * Before the rename the volume has no backing, after it it has a whole one.
 */
export async function publishingBacking(
  operation: Operation,
  journal: RestoreJournal,
  volume: ParsedVolume,
  kind: DiskKind,
  source: RestoreSource,
): Promise<Restoration> {
  const { vim, config, signal } = operation;
  const { storageProfiles } = kind;
  const rules = { ...config, storageProfile: storageProfiles.disk };
  const placement = await placeDisk(vim, rules, volume.sizeBytes, { signal });
  const folder = await ensureVolumeFolder(operation, placement.vmFolder, volume.projectId);
  const target = {
    ...kind,
    folder,
    resourcePool: placement.resourcePool,
    host: placement.host,
    hardwareVersion: config.hardwareVersion,
    // Named after the volume from the start: a rename of the VM leaves its files where they are.
    vmPathName: vmPathName(placement.datastoreName, volume.name),
  };
  return {
    importDisk: () => importTemporaryVm(operation, journal, target, source),

    async takeEffect(imported) {
      const disk = { path: imported.disk.path, datacenter: placement.datacenter };
      if (volume.sizeBytes > imported.disk.capacityBytes) {
        await extendDisk(vim, disk, volume.sizeBytes, kind.provisioning, { signal });
      }
      await makeWhole(operation, imported, volume);
      const wrong = await wrongProfiles(vim, imported, storageProfiles, { signal });
      if (wrong !== undefined) throw new RestoreError(wrong);
      // The last moment at which the operation can be cancelled.
      throwIfAborted(signal);
      await rename(operation, imported, volume);
    },
  };
}

/** Gives the VM the volume's identity, and its disk the volume's size and UUID, in one reconfiguration; then proves it. */
async function makeWhole({ vim, signal }: Operation, { ref, disk }: ImportedVm, volume: ParsedVolume): Promise<void> {
  const capacityBytes = Math.max(volume.sizeBytes, disk.capacityBytes);
  const uuid = isUuid(volume.id) ? volume.id : undefined;
  const { backing } = disk.device;
  const device = {
    ...disk.device,
    ...(backing === undefined || uuid === undefined ? {} : { backing: { ...backing, uuid } }),
    capacityInKB: capacityBytes / 1024,
    capacityInBytes: capacityBytes,
  };
  const spec = {
    ...(uuid === undefined ? {} : { instanceUuid: uuid }),
    managedBy: managedByCinder,
    deviceChange: [{ operation: 'edit', device }],
    extraConfig: extraConfig({ [volumeIdKey]: volume.id }),
  };
  const isWhole = async (): Promise<boolean> => {
    const now = await readBacking(vim, ref);
    return now.disk.capacityBytes === capacityBytes && hasUuid(now.disk.uuid, uuid);
  };
  await settle(vim, {
    make: () => runTask(vim, 'ReconfigVM_Task', ref, { spec }, { signal }),
    on: ref,
    lookUp: async () => (await isWhole()) || undefined,
  });
  if (!(await isWhole())) throw new RestoreError("the restored disk did not take the volume's size and UUID");
}

async function rename({ vim }: Operation, { ref }: ImportedVm, volume: ParsedVolume): Promise<void> {
  const newName = escapeInventoryName(volume.name);
  try {
    await settle(vim, {
      make: () => runTask(vim, 'Rename_Task', ref, { newName }),
      on: ref,
      lookUp: async () => (await readProperties(vim, ref, 'VirtualMachine', ['name'])).name === newName || undefined,
    });
  } catch (error) {
    if (!isVimFault(error, 'DuplicateName')) throw error;
    throw new RestoreError(`another object is named ${volume.name} in the volume's folder`, { cause: error });
  }
}
