import { fault } from '../fault.js';
import type { Place } from '../inventory/disk-chain.js';
import type { VirtualMachine } from '../inventory/virtual-machine.js';

/**
 * Checks that nobody has a disk's file open: nothing outside, no transfer and no running VM. A VM that is off holds no lock,
 * so its disks may be moved or deleted, and then it has a device that leads nowhere.
 *
 * @param except - a VM whose own use does not count
 * @throws Fault FileLocked
 */
export function requireUnlocked({ datastore, path }: Place, except?: VirtualMachine): void {
  const entry = datastore.files.find(path);
  const running = datastore.files.users.of(path).some((vm) => vm !== except && vm.powerState === 'poweredOn');
  if (!running && (entry?.kind !== 'disk' || (!entry.locked && entry.opened === 0))) return;
  const file = datastore.pathTo(path);
  throw fault('FileLocked', { file }, `Unable to access file ${file} since it is locked`);
}
