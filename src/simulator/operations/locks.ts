import { fault } from '../fault.js';
import { VirtualMachine } from '../inventory/virtual-machine.js';
import { formatDatastorePath } from '../storage/datastore-path.js';
import type { DiskFile } from '../storage/disk-file.js';

/** @throws Fault FileLocked where something outside or a running VM has the disk open */
export function requireUnlocked(disk: DiskFile): void {
  const running = disk.attachedTo instanceof VirtualMachine && disk.attachedTo.powerState === 'poweredOn';
  if (disk.locked || running) throw locked(disk);
}

/**
 * @throws Fault FileLocked where the disk is open or is a device of any VM. A host would let a powered-off VM's disk be moved
 * or deleted, and leave the VM with a device that leads nowhere: nobody wants that.
 */
export function requireUnused(disk: DiskFile): void {
  if (disk.locked || disk.attachedTo !== undefined) throw locked(disk);
}

function locked({ path, files }: DiskFile) {
  const file = formatDatastorePath({ datastore: files?.datastore ?? '', path });
  return fault('FileLocked', { file }, `Unable to access file ${file} since it is locked`);
}
