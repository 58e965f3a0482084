import type { VimObject } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import { Datastore } from '../inventory/datastore.js';
import type { DiskDevice } from '../inventory/devices.js';
import { parentsOf, type Place, requireReadable, shownFile } from '../inventory/disk-chain.js';
import { fileNameFor } from '../inventory/entity-name.js';
import { Folder } from '../inventory/folder.js';
import { HostSystem } from '../inventory/host-system.js';
import { ResourcePool } from '../inventory/resource-pool.js';
import type { VirtualMachine, VmHome } from '../inventory/virtual-machine.js';
import { directoryOf, joinPath } from '../storage/datastore-path.js';
import type { Provisioning } from '../storage/disk-file.js';
import type { World } from '../world.js';
import { chooseHost } from './create-vm.js';
import { requireUnlocked } from './locks.js';
import { moveIntoFolder } from './move-vm.js';
import { nextChangeVersion } from './vm-config.js';

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
    return { datastore, provisioning: shownFile(disk).provisioning, storageProfile };
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
    const { capacityBytes } = requireReadable(disk);
    requireUnlocked(disk, vm);
    const growth = target.datastore === disk.datastore ? 0 : capacityBytes;
    target.datastore.files.requireSpace(target.provisioning === 'thin' ? 0 : growth, disk.path);
  }
  const newHome = home === undefined || home === vm.home.datastore ? vm.home : moveHome(vm, home);
  const devices = vm.config.devices.map((device) => {
    const target = targets.find(({ disk }) => disk === device)?.target;
    if (device.kind !== 'disk' || target === undefined) return device;
    return { ...device, ...moveDisk(vm, device, target, newHome), storageProfile: target.storageProfile };
  });
  const oldHome = vm.home;
  vm.home = newHome;
  vm.config = { ...vm.config, devices, storageProfile, changeVersion: nextChangeVersion(world) };
  if (oldHome !== newHome) dropIfEmpty(oldHome.datastore, oldHome.directory);
  vm.pool.vms.delete(vm);
  vm.host.vms.delete(vm);
  vm.pool = pool;
  vm.host = host;
  pool.vms.add(vm);
  host.vms.add(vm);
  if (folder !== undefined) moveIntoFolder(vm, folder);
  registry.changed();
}

/** Directory and files get the name that the VM has by now. */
function moveHome({ home, name }: VirtualMachine, datastore: Datastore): VmHome {
  const stem = fileNameFor(name);
  const directory = datastore.files.freeName('', stem);
  datastore.files.makeDirectory(directory, true);
  const vmx = joinPath(directory, `${stem}.vmx`);
  home.datastore.files.move(home.vmx, datastore.files, vmx);
  return { datastore, directory, vmx };
}

/**
 * Moves a disk's file, with those it is built on and no other VM is, to beside the VM's configuration. They get the name that
 * the VM has by now. Other VMs whose disk it is are left with a device that leads nowhere.
 *
 * @returns where it is then
 */
function moveDisk(vm: VirtualMachine, disk: DiskDevice, { datastore, provisioning }: DiskTarget, home: VmHome): Place {
  const { datastore: from, path } = disk;
  const top = from.files.disk(path);
  if (datastore === from) {
    top.provisioning = provisioning;
    return { datastore, path };
  }
  const { files } = datastore;
  top.provisioning = files.provisioning ?? provisioning;
  if (files.find(home.directory) === undefined) files.makeDirectory(home.directory, true);
  const isOwn = (place: Place): boolean => place.datastore.files.users.of(place.path).every((user) => user === vm);
  const parents = parentsOf(top);
  const shared = parents.findIndex((place) => !isOwn(place));
  const moved = [disk, ...parents.slice(0, shared < 0 ? parents.length : shared)].reverse();
  const places = moved.map((place, depth): Place => {
    const stem = fileNameFor(vm.name);
    const name = files.freeName(
      home.directory,
      depth === 0 ? stem : `${stem}-${String(depth).padStart(6, '0')}`,
      '.vmdk',
    );
    const destination = joinPath(home.directory, name);
    place.datastore.files.move(place.path, files, destination);
    dropIfEmpty(place.datastore, directoryOf(place.path));
    return { datastore, path: destination };
  });
  for (const [depth, place] of places.entries()) {
    const below = places[depth - 1];
    const file = files.disk(place.path);
    if (below !== undefined) file.parent = { ...below, file: files.disk(below.path) };
  }
  return places.at(-1) ?? disk;
}

function dropIfEmpty({ files }: Datastore, directory: string): void {
  if (directory !== '' && files.inside(directory).length === 0) files.remove(directory);
}
