import { isVimFault, VimFault } from '../errors/index.js';
import type { DiskProvisioning } from '../model/disk-kinds.js';
import { managerOf } from '../vim/managers.js';
import { runTask } from '../vim/run-task.js';
import type { MoRef } from '../vim/schema/index.js';
import { settle } from '../vim/settle.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { sameDiskUuid, spacedDiskUuid } from './disk-uuid.js';

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

/** Whether a server answers that it does not do something with detached disks, or not with those in this datastore. */
export function isRefusedDetached(error: unknown): boolean {
  return isVimFault(error, 'NotSupported', 'MethodNotFound', 'InvalidDatastore', 'CannotAccessFile');
}

/**
 * Sets a detached disk's UUID (`SetVirtualDiskUuid`, deprecated since 6.5). A server that does not do that is no reason to give up:
 * the disk can be given it when it is attached.
 */
export async function setDetachedDiskUuid(
  vim: VimSession,
  disk: DiskFile,
  uuid: string,
  options: AbortableOptions,
): Promise<void> {
  await writeUuid(vim, disk, uuid, options).catch((error: unknown) => {
    if (!isRefusedDetached(error)) throw error;
  });
}

/**
 * Fails if another VM has the disk open. vSphere reports the lock only to a writer, so this rewrites the disk's own UUID; whatever
 * else it answers to that says nothing. A disk of a VM that is off is not locked: who refers to it has to be asked as well
 * (`referencesTo`).
 *
 * @throws VimFault FileLocked
 */
export async function assertUnlocked(
  vim: VimSession,
  disk: DiskFile & { readonly uuid: string | undefined },
  options: AbortableOptions,
): Promise<void> {
  if (disk.uuid === undefined) return;
  await writeUuid(vim, disk, disk.uuid, options).catch((error: unknown) => {
    if (!(error instanceof VimFault) || isVimFault(error, 'FileLocked')) throw error;
  });
}

async function writeUuid(vim: VimSession, disk: DiskFile, uuid: string, options: AbortableOptions): Promise<void> {
  const args = { name: disk.path, datacenter: disk.datacenter, uuid: spacedDiskUuid(uuid) };
  await vim.invoke('SetVirtualDiskUuid', managerOf(vim, 'virtualDiskManager'), args, options);
}

/**
 * Deletes a disk's file (`DeleteVirtualDisk_Task`).
 *
 * @returns `not found` where there is none at that path, which does not say that it is gone: its datastore may have another name
 *   by now, or be out of reach
 */
export async function deleteDisk(vim: VimSession, disk: DiskFile): Promise<'deleted' | 'not found'> {
  const args = { name: disk.path, datacenter: disk.datacenter };
  try {
    return await settle<'deleted' | 'not found'>(vim, {
      make: async () => {
        await runTask(vim, 'DeleteVirtualDisk_Task', managerOf(vim, 'virtualDiskManager'), args);
        return 'deleted';
      },
      on: managerOf(vim, 'taskManager'),
      lookUp: async () => ((await diskExists(vim, disk)) ? undefined : 'not found'),
    });
  } catch (error) {
    if (!isVimFault(error, 'FileNotFound')) throw error;
    return 'not found';
  }
}

/** Whether there is a disk's file at a path. */
export async function diskExists(vim: VimSession, disk: DiskFile): Promise<boolean> {
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
