import type { VimObject } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import { Datacenter } from '../inventory/datacenter.js';
import { Datastore } from '../inventory/datastore.js';
import type { DiskDevice } from '../inventory/devices.js';
import { entityName, fileNameFor } from '../inventory/entity-name.js';
import type { Folder } from '../inventory/folder.js';
import { HostSystem } from '../inventory/host-system.js';
import { ResourcePool } from '../inventory/resource-pool.js';
import type { VirtualMachine } from '../inventory/virtual-machine.js';
import { definedProfile } from '../storage-policies.js';
import { joinPath } from '../storage/datastore-path.js';
import type { World } from '../world.js';
import { createVm } from './create-vm.js';
import { reconfigureVm } from './reconfigure-vm.js';
import { checkLocators, diskTarget } from './relocate-vm.js';
import { removeVm } from './remove-vm.js';

/** Makes a full copy of a VM, disks and all. */
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
      disks.push(await copyDisk(world, vm, disk, diskTarget(world, location, disk, location.datastore && datastore)));
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
): Promise<DiskDevice> {
  const { files } = datastore;
  const { capacityBytes, adapterType, raw } = disk.file;
  const file = world.newDisk({ capacityBytes, provisioning, adapterType });
  if (files.find(vm.home.directory) === undefined) files.makeDirectory(vm.home.directory, true);
  const name = files.freeName(vm.home.directory, fileNameFor(vm.name), '.vmdk');
  files.requireSpace(raw.allocatedBytes, name);
  files.addDisk(joinPath(vm.home.directory, name), file);
  await file.raw.copyFrom(raw);
  return { ...disk, file, datastore, storageProfile };
}
