import { chainOf } from '../inventory/disk-chain.js';
import { Folder } from '../inventory/folder.js';
import type { VirtualMachine } from '../inventory/virtual-machine.js';
import { directoryOf } from '../storage/datastore-path.js';
import type { World } from '../world.js';
import { deleteDisksAt } from './disks.js';

/** Takes a VM out of the inventory; its files stay, and are nobody's. */
export function unregisterVm({ registry, instanceUuids }: World, vm: VirtualMachine): void {
  vm.ancestor(Folder)?.release(vm);
  vm.pool.vms.delete(vm);
  vm.host.vms.delete(vm);
  vm.leaveDatastores();
  const vmx = vm.home.datastore.files.find(vm.home.vmx);
  if (vmx?.kind === 'file') {
    vmx.locked = false;
    vmx.unregistered = vm;
  }
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
  const { datastore, directory, vmx } = vm.home;
  const { files } = datastore;
  unregisterVm(world, vm);
  const freed = deleteDisksOf(world, vm);
  files.remove(vmx);
  if (directory !== '' && files.inside(directory).length === 0) files.remove(directory);
  await freed;
}

/**
 * Deletes a VM's disks, be they other VMs' too, with what they are built on in its own directory; and elsewhere, unless other VMs need
 * it. All but the freeing of their bytes is done when it returns.
 */
export async function deleteDisksOf(world: World, vm: VirtualMachine): Promise<void> {
  const { home } = vm;
  const doomed = vm.disks.flatMap((disk) =>
    chainOf(disk).filter(({ datastore, path }, depth) => {
      const isOwn = depth === 0 || (datastore === home.datastore && directoryOf(path) === home.directory);
      return isOwn || datastore.files.users.of(path).every((user) => user === vm);
    }),
  );
  await deleteDisksAt(world, doomed);
}
