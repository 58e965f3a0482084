import type { VimObject } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import { Datastore } from '../inventory/datastore.js';
import type { DiskDevice } from '../inventory/devices.js';
import { Folder } from '../inventory/folder.js';
import { HostSystem } from '../inventory/host-system.js';
import { ResourcePool } from '../inventory/resource-pool.js';
import type { VirtualMachine, VmHome } from '../inventory/virtual-machine.js';
import { baseName, joinPath } from '../storage/datastore-path.js';
import type { Provisioning } from '../storage/disk-file.js';
import type { World } from '../world.js';
import { chooseHost } from './create-vm.js';
import { moveIntoFolder } from './move-vm.js';

type Spec = VimObject<'VirtualMachineRelocateSpec'>;

/** Where a disk is to go, and what it is to become. */
export interface DiskTarget {
  readonly datastore: Datastore;
  readonly provisioning: Provisioning;
  readonly storageProfile: string | undefined;
}

/** What a relocate spec says about one disk. @throws Fault InvalidArgument, ManagedObjectNotFound */
export function diskTarget(
  { registry, storagePolicies }: World,
  spec: Spec,
  disk: DiskDevice,
  home: Datastore | undefined,
): DiskTarget {
  const locator = spec.disk?.find(({ diskId }) => diskId === disk.key);
  const datastore =
    locator === undefined ? (home ?? disk.datastore) : registry.get(Datastore, locator.datastore, 'datastore');
  const storageProfile = storagePolicies.after(disk.storageProfile, locator?.profile);
  const backing = locator?.diskBackingInfo;
  if (backing?._type !== 'VirtualDiskFlatVer2BackingInfo') {
    return { datastore, provisioning: disk.file.provisioning, storageProfile };
  }
  const thick = backing.eagerlyScrub === true ? 'eagerZeroedThick' : 'thick';
  return { datastore, provisioning: backing.thinProvisioned === true ? 'thin' : thick, storageProfile };
}

/** Checks that each disk a spec names is one of the VM's. @throws Fault InvalidArgument */
export function checkLocators(vm: VirtualMachine, { disk: locators = [] }: Spec): void {
  for (const { diskId } of locators) {
    if (!vm.disks.some(({ key }) => key === diskId)) {
      throw fault('InvalidArgument', { invalidProperty: 'spec.disk.diskId' }, `There is no disk ${diskId}`);
    }
  }
}

/** Moves a VM's files to other datastores, and the VM to another pool, host or folder. */
export function relocateVm(world: World, vm: VirtualMachine, spec: Spec): void {
  const { registry, storagePolicies } = world;
  checkLocators(vm, spec);
  const home = spec.datastore === undefined ? undefined : registry.get(Datastore, spec.datastore, 'datastore');
  const pool = spec.pool === undefined ? vm.pool : registry.get(ResourcePool, spec.pool, 'pool');
  const wantedHost = spec.host === undefined ? undefined : registry.get(HostSystem, spec.host, 'host');
  const host = chooseHost(pool, wantedHost, home ?? vm.home.datastore);
  const folder = spec.folder === undefined ? undefined : registry.get(Folder, spec.folder, 'folder');

  const storageProfile = storagePolicies.after(vm.config.storageProfile, spec.profile);
  const targets = vm.disks.map((disk) => ({ disk, target: diskTarget(world, spec, disk, home) }));
  for (const { disk, target } of targets) {
    if (disk.file.locked)
      throw fault('FileLocked', { file: disk.datastore.pathTo(disk.file.path) }, 'A disk is locked');
    const growth = target.datastore === disk.datastore ? 0 : disk.file.capacityBytes;
    target.datastore.files.requireSpace(target.provisioning === 'thin' ? 0 : growth, disk.file.path);
  }
  const newHome = home === undefined || home === vm.home.datastore ? vm.home : moveHome(vm, home);
  const devices = vm.config.devices.map((device) => {
    const target = targets.find(({ disk }) => disk === device)?.target;
    if (device.kind !== 'disk' || target === undefined) return device;
    moveDisk(device, target, newHome);
    return { ...device, datastore: target.datastore, storageProfile: target.storageProfile };
  });
  vm.home.datastore.vms.delete(vm);
  vm.home = newHome;
  vm.config = { ...vm.config, devices, storageProfile };
  vm.pool.vms.delete(vm);
  vm.host.vms.delete(vm);
  vm.pool = pool;
  vm.host = host;
  pool.vms.add(vm);
  host.vms.add(vm);
  if (folder !== undefined) moveIntoFolder(vm, folder);
  registry.changed();
}

function moveHome({ home }: VirtualMachine, datastore: Datastore): VmHome {
  const directory = datastore.files.freeName('', home.directory);
  datastore.files.makeDirectory(directory, true);
  const vmx = joinPath(directory, baseName(home.vmx));
  home.datastore.files.move(home.vmx, datastore.files, vmx);
  return { datastore, directory, vmx };
}

function moveDisk({ file, datastore: from }: DiskDevice, { datastore, provisioning }: DiskTarget, home: VmHome): void {
  file.provisioning = provisioning;
  if (datastore === from) return;
  const { files } = datastore;
  if (files.find(home.directory) === undefined) files.makeDirectory(home.directory, true);
  const oldDirectory = file.path.slice(0, Math.max(0, file.path.lastIndexOf('/')));
  const name = files.freeName(home.directory, baseName(file.path).replace(/\.vmdk$/, ''), '.vmdk');
  from.files.move(file.path, files, joinPath(home.directory, name));
  if (oldDirectory !== '' && from.files.inside(oldDirectory).length === 0) from.files.remove(oldDirectory);
}
