import { attachedDisks, type AttachedDisk } from '../backing/backing.js';
import { flatDiskBacking } from '../backing/disk-backing.js';
import { profileField } from '../pbm/storage-profiles.js';
import type { DiskProvisioning } from '../model/disk-kinds.js';
import { readProperties } from '../vim/property-collector.js';
import { runTask } from '../vim/run-task.js';
import type { MoRef, VimObject } from '../vim/schema/index.js';
import { settle } from '../vim/settle.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';

/** A disk's file and the place it is to have on a VM's controller. */
export interface DiskSlot {
  readonly path: string;
  readonly controllerKey: number;
  readonly unitNumber: number;
  /** Told by the file itself where absent. */
  readonly capacityBytes?: number | undefined;
  readonly provisioning?: DiskProvisioning | undefined;
  /** Id of the storage policy it is to have there: a policy belongs to the attached disk, and ends with the attachment. */
  readonly storageProfile?: string | undefined;
}

/** Keys of devices that are only being asked for are negative. */
const newDiskKey = -1;

/** The disks attached to a VM at this moment. */
export async function readAttachedDisks(
  vim: VimSession,
  ref: MoRef,
  options?: AbortableOptions,
): Promise<AttachedDisk[]> {
  const vm = await readProperties(vim, ref, 'VirtualMachine', ['config.hardware.device'], options);
  return attachedDisks(vm['config.hardware.device'] ?? []);
}

/**
 * Gives a VM one disk for another in **one** `ReconfigVM_Task`, whose changes the API applies as an atomic operation. The
 * removed disk's file is kept. Whether the exchange happened is read back where the reply was lost.
 *
 * @param remove the disk to detach, if one is attached
 * @param changeVersion the configuration the exchange is meant for; the server refuses it for a later one
 */
export async function exchangeDisk(
  vim: VimSession,
  ref: MoRef,
  remove: AttachedDisk | undefined,
  add: DiskSlot,
  changeVersion?: string,
): Promise<void> {
  const deviceChange: VimObject<'VirtualDeviceConfigSpec'>[] = [
    // No fileOperation: the file of a disk that is taken away is kept.
    ...(remove === undefined ? [] : [{ operation: 'remove', device: remove.device }]),
    { operation: 'add', device: diskDevice(add), ...profileField(add.storageProfile) },
  ];
  const spec = { ...(changeVersion === undefined ? {} : { changeVersion }), deviceChange };
  await settle(vim, {
    make: () => runTask(vim, 'ReconfigVM_Task', ref, { spec }),
    on: ref,
    lookUp: async () => (await readAttachedDisks(vim, ref)).some(({ path }) => path === add.path) || undefined,
  });
}

function diskDevice(slot: DiskSlot): AttachedDisk['device'] {
  return {
    _type: 'VirtualDisk',
    key: newDiskKey,
    backing: flatDiskBacking(slot.provisioning ?? 'thin', slot.path),
    controllerKey: slot.controllerKey,
    unitNumber: slot.unitNumber,
    capacityInKB: Math.ceil((slot.capacityBytes ?? 0) / 1024),
  };
}
