import type { VimObject } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import { Datacenter } from '../inventory/datacenter.js';
import { Datastore } from '../inventory/datastore.js';
import type { DiskDevice } from '../inventory/devices.js';
import { requireReadable } from '../inventory/disk-chain.js';
import { entityName, fileNameFor } from '../inventory/entity-name.js';
import type { Folder } from '../inventory/folder.js';
import { HostSystem } from '../inventory/host-system.js';
import { ResourcePool } from '../inventory/resource-pool.js';
import { Snapshot } from '../inventory/snapshot.js';
import type { VirtualMachine } from '../inventory/virtual-machine.js';
import { joinPath } from '../storage/datastore-path.js';
import type { DiskParent } from '../storage/disk-file.js';
import { definedProfile } from '../storage-policies.js';
import type { World } from '../world.js';
import { createVm } from './create-vm.js';
import { reconfigureVm } from './reconfigure-vm.js';
import { checkLocators, diskTarget } from './relocate-vm.js';
import { removeVm } from './remove-vm.js';

/** Makes a full copy of a VM, disks and all; or a linked one, of a snapshot. */
export async function cloneVm(
  world: World,
  source: VirtualMachine,
  folder: Folder,
  rawName: string,
  spec: VimObject<'VirtualMachineCloneSpec'>,
): Promise<VirtualMachine> {
  const { registry } = world;
  const { location } = spec;
  checkLocators(source, location);
  if (spec.powerOn || spec.template) throw fault('NotSupported', {}, 'The simulator clones to powered-off VMs only');
  if (folder.ancestor(Datacenter) === undefined) {
    throw fault('InvalidArgument', { invalidProperty: 'folder' }, 'The folder is in no datacenter');
  }
  const name = entityName(rawName);
  const datastore =
    location.datastore === undefined ? source.home.datastore : registry.get(Datastore, location.datastore, 'datastore');
  const { config } = source;
  const storageProfile = world.storagePolicies.after(config.storageProfile, location.profile);
  const isLinked = location.diskMoveType === 'createNewChildDiskBacking';
  const snapshot = spec.snapshot && registry.get(Snapshot, spec.snapshot, 'snapshot');
  const controllers = config.devices.filter((device) => device.kind === 'controller');
  const vm = await createVm(
    world,
    {
      folder,
      pool: location.pool === undefined ? source.pool : registry.get(ResourcePool, location.pool, 'pool'),
      host: location.host === undefined ? undefined : registry.get(HostSystem, location.host, 'host'),
    },
    {
      name,
      guestId: config.guestId,
      version: config.version,
      numCPUs: config.numCPUs,
      memoryMB: config.memoryMB,
      files: { vmPathName: datastore.pathTo('') },
      extraConfig: [...config.extraConfig].map(([key, value]) => ({ key, value })),
      ...(config.managedBy === undefined ? {} : { managedBy: config.managedBy }),
      ...(storageProfile === undefined ? {} : { vmProfile: definedProfile(storageProfile) }),
    },
  );
  try {
    const disks: DiskDevice[] = [];
    for (const disk of source.disks) {
      const parent = isLinked ? parentFor(disk, snapshot) : undefined;
      disks.push(
        await copyDisk(world, vm, disk, diskTarget(world, location, disk, location.datastore && datastore), parent),
      );
      vm.config = { ...vm.config, devices: [...controllers, ...disks] };
    }
    vm.config = { ...vm.config, devices: [...controllers, ...disks] };
    if (spec.config !== undefined) await reconfigureVm(world, vm, spec.config);
  } catch (error) {
    await removeVm(world, vm);
    throw error;
  }
  registry.changed();
  return vm;
}

async function copyDisk(
  world: World,
  vm: VirtualMachine,
  disk: DiskDevice,
  { datastore, provisioning, storageProfile }: ReturnType<typeof diskTarget>,
  parent: DiskParent | undefined,
): Promise<DiskDevice> {
  const { files } = datastore;
  const { capacityBytes, adapterType, raw } = requireReadable(disk);
  const file = world.newDisk({
    capacityBytes,
    provisioning: parent === undefined ? (files.provisioning ?? provisioning) : 'thin',
    adapterType,
    parent,
  });
  if (files.find(vm.home.directory) === undefined) files.makeDirectory(vm.home.directory, true);
  const name = files.freeName(vm.home.directory, fileNameFor(vm.name), '.vmdk');
  const path = joinPath(vm.home.directory, name);
  files.requireSpace(parent === undefined ? raw.allocatedBytes : 0, name);
  files.addDisk(path, file);
  if (parent === undefined) await file.raw.copyFrom(raw);
  return { ...disk, lastFile: file, datastore, path, storageProfile };
}

/** What a linked clone's disk is built on: the disk as it was when the snapshot was taken. */
function parentFor({ key }: DiskDevice, snapshot: Snapshot | undefined): DiskParent {
  const file = snapshot?.disks.get(key);
  if (file?.files === undefined) {
    throw fault('InvalidArgument', { invalidProperty: 'spec.snapshot' }, 'A linked clone is made of a snapshot');
  }
  return { file, datastore: file.files.datastore, path: file.path };
}
