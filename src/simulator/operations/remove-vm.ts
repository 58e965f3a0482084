import { Folder } from '../inventory/folder.js';
import type { VirtualMachine } from '../inventory/virtual-machine.js';
import type { DiskFile } from '../storage/disk-file.js';
import type { World } from '../world.js';

/** Takes a VM out of the inventory; its files stay, and are nobody's. */
export function unregisterVm({ registry, instanceUuids }: World, vm: VirtualMachine): void {
  vm.ancestor(Folder)?.release(vm);
  vm.pool.vms.delete(vm);
  vm.host.vms.delete(vm);
  vm.config = { ...vm.config, devices: [] };
  vm.home.datastore.vms.delete(vm);
  const vmx = vm.home.datastore.files.find(vm.home.vmx);
  if (vmx?.kind === 'file') vmx.locked = false;
  for (const snapshot of vm.snapshots) registry.remove(snapshot);
  registry.remove(vm);
  instanceUuids.remove(vm);
}

/**
 * Deletes a VM with its disks and its directory. What others put into the directory stays, and then the directory too.
 *
 * All but the freeing of the disks' bytes is done when it returns.
 */
export async function removeVm(world: World, vm: VirtualMachine): Promise<void> {
  const disks = vm.disks.map(({ file }) => file);
  const { datastore, directory, vmx } = vm.home;
  const { files } = datastore;
  unregisterVm(world, vm);
  for (const disk of disks) disk.files?.remove(disk.path);
  files.remove(vmx);
  if (directory !== '' && files.inside(directory).length === 0) files.remove(directory);
  await freeDisks(world, disks);
}

async function freeDisks(world: World, disks: readonly DiskFile[]): Promise<void> {
  await Promise.all(disks.map((disk) => world.deleteDisk(disk)));
}
