import { managerOf } from '../vim/managers.js';
import { sameDiskUuid, spacedDiskUuid } from './disk-uuid.js';
import { isVimFault } from '../errors/index.js';
import type { DiskProvisioning } from '../model/disk-kinds.js';
import { runTask } from '../vim/run-task.js';
import type { MoRef } from '../vim/schema/index.js';
import { settle } from '../vim/settle.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';

/** A virtual disk's file in a datastore, attached or not. */
export interface DiskFile {
  readonly path: string;
  readonly datacenter: MoRef;
}

/** Moves a disk's file (`MoveVirtualDisk_Task`); a target that exists is refused. */
export async function moveDisk(
  vim: VimSession,
  from: DiskFile,
  to: DiskFile,
  options: AbortableOptions,
): Promise<void> {
  const args = {
    sourceName: from.path,
    sourceDatacenter: from.datacenter,
    destName: to.path,
    destDatacenter: to.datacenter,
    force: false,
  };
  await settle(vim, {
    make: () => runTask(vim, 'MoveVirtualDisk_Task', managerOf(vim, 'virtualDiskManager'), args, options),
    on: managerOf(vim, 'taskManager'),
    lookUp: async () => ((await diskExists(vim, to)) && !(await diskExists(vim, from))) || undefined,
  });
}

/**
 * Grows a disk (`ExtendVirtualDisk_Task`). An eagerly zeroed disk stays one only if its new part is zeroed too.
 *
 * @param capacityBytes the new capacity
 */
export async function extendDisk(
  vim: VimSession,
  disk: DiskFile,
  capacityBytes: number,
  provisioning: DiskProvisioning,
  options: AbortableOptions,
): Promise<void> {
  const args = {
    name: disk.path,
    datacenter: disk.datacenter,
    newCapacityKb: capacityBytes / 1024,
    eagerZero: provisioning === 'eagerZeroedThick',
  };
  // Nothing tells a detached disk's capacity but attaching it; the swap is verified, so a lost reply simply fails here.
  await runTask(vim, 'ExtendVirtualDisk_Task', managerOf(vim, 'virtualDiskManager'), args, options);
}

/** Sets a detached disk's UUID (`SetVirtualDiskUuid`) and reads it back. */
export async function setDiskUuid(
  vim: VimSession,
  disk: DiskFile,
  uuid: string,
  options: AbortableOptions,
): Promise<void> {
  const manager = managerOf(vim, 'virtualDiskManager');
  const name = { name: disk.path, datacenter: disk.datacenter };
  await vim.invoke('SetVirtualDiskUuid', manager, { ...name, uuid: spacedDiskUuid(uuid) }, options);
}

/**
 * Refuses a disk that somebody has open, be it attached to a VM that is off. A server tells only one who writes: to give the
 * disk the UUID it has changes nothing.
 *
 * @throws VimFault FileLocked
 */
export async function assertUnlocked(
  vim: VimSession,
  disk: DiskFile & { readonly uuid: string | undefined },
  options: AbortableOptions,
): Promise<void> {
  if (disk.uuid !== undefined) await setDiskUuid(vim, disk, disk.uuid, options);
}

/** Deletes a disk's file (`DeleteVirtualDisk_Task`). One that is gone is no error. */
export async function deleteDisk(vim: VimSession, disk: DiskFile): Promise<void> {
  const args = { name: disk.path, datacenter: disk.datacenter };
  try {
    await settle(vim, {
      make: () => runTask(vim, 'DeleteVirtualDisk_Task', managerOf(vim, 'virtualDiskManager'), args),
      on: managerOf(vim, 'taskManager'),
      lookUp: async () => !(await diskExists(vim, disk)) || undefined,
    });
  } catch (error) {
    if (!isVimFault(error, 'FileNotFound')) throw error;
  }
}

async function diskExists(vim: VimSession, disk: DiskFile): Promise<boolean> {
  const args = { name: disk.path, datacenter: disk.datacenter };
  try {
    await vim.invoke('QueryVirtualDiskUuid', managerOf(vim, 'virtualDiskManager'), args);
    return true;
  } catch (error) {
    if (isVimFault(error, 'FileNotFound')) return false;
    throw error;
  }
}

/** Whether a disk has the UUID it should have; where none is asked for, any will do. */
export function hasUuid(actual: string | undefined, wanted: string | undefined): boolean {
  return wanted === undefined || (actual !== undefined && sameDiskUuid(actual, wanted));
}
