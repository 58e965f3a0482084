import type { VimObject } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import { defaultControllers } from '../inventory/controllers.js';
import { Datacenter } from '../inventory/datacenter.js';
import type { Datastore } from '../inventory/datastore.js';
import { entityName, fileNameFor } from '../inventory/entity-name.js';
import type { Folder } from '../inventory/folder.js';
import type { HostSystem } from '../inventory/host-system.js';
import type { ResourcePool } from '../inventory/resource-pool.js';
import { VirtualMachine, type VmHome } from '../inventory/virtual-machine.js';
import { directoryOf, joinPath } from '../storage/datastore-path.js';
import type { World } from '../world.js';
import { DevicePlan } from './device-plan.js';
import { locate, requireAccessible } from './locate.js';
import { applySpec, emptyConfig } from './vm-config.js';

/** Where a new VM goes. */
export interface VmPlace {
  readonly folder: Folder;
  readonly pool: ResourcePool;
  /** Chosen among the pool's hosts where absent. */
  readonly host: HostSystem | undefined;
}

/** Creates a VM with its files, or does nothing and throws a fault. */
export async function createVm(
  world: World,
  { folder, pool, host: wanted }: VmPlace,
  spec: VimObject<'VirtualMachineConfigSpec'>,
): Promise<VirtualMachine> {
  if (spec.name === undefined) throw fault('InvalidVmConfig', { property: 'configSpec.name' }, 'A VM needs a name');
  const name = entityName(spec.name);
  const datacenter = folder.ancestor(Datacenter);
  if (datacenter === undefined || !folder.childTypes.includes('VirtualMachine')) {
    throw fault('InvalidArgument', { invalidProperty: 'folder' }, `${folder.name} holds no virtual machines`);
  }
  if (pool.ancestor(Datacenter) !== datacenter) {
    throw fault('InvalidArgument', { invalidProperty: 'pool' }, 'The resource pool is in another datacenter');
  }
  folder.requireFree(name);
  const home = findHome(world, datacenter, pool, name, spec.files?.vmPathName);
  const host = chooseHost(pool, wanted, home.datastore);
  const config = applySpec(world, emptyConfig(world), spec, undefined);
  const plan = new DevicePlan({ world, datacenter, home, vm: undefined }, defaultControllers).add(
    spec.deviceChange ?? [],
  );

  const { files } = home.datastore;
  const madeDirectory = home.directory !== '' && files.find(home.directory) === undefined;
  if (madeDirectory) files.makeDirectory(home.directory, true);
  files.addFile(home.vmx, 2048, true);
  const done = plan.carryOut();

  const id = world.isVcenter
    ? `vm-${world.registry.nextNumber('entity')}`
    : String(world.registry.nextNumber('esxi-vm'));
  const vm = new VirtualMachine(id, name, { folder, pool, host, home }, world.clock.timestamp(), {
    ...config,
    devices: plan.devices,
  });
  folder.adopt(vm);
  pool.vms.add(vm);
  host.vms.add(vm);
  world.registry.add(vm);
  world.instanceUuids.update(vm);
  await done;
  return vm;
}

/** Where the VM's configuration file goes, by what the spec says or, where that is little, as vCenter would put it. */
function findHome(
  world: World,
  datacenter: Datacenter,
  pool: ResourcePool,
  name: string,
  vmPathName: string | undefined,
): VmHome {
  if (vmPathName === undefined) {
    throw fault('InvalidVmConfig', { property: 'configSpec.files' }, 'files.vmPathName must say where the VM goes');
  }
  const { datastore, path } =
    vmPathName === '' ? { datastore: anyDatastore(pool), path: '' } : locate(world, vmPathName, datacenter);
  const { files } = datastore;
  const stem = fileNameFor(name);
  if (path === '') {
    const directory = files.freeName('', stem);
    return { datastore, directory, vmx: joinPath(directory, `${stem}.vmx`) };
  }
  if (!path.endsWith('.vmx')) {
    throw fault('InvalidDatastorePath', { datastorePath: vmPathName }, `"${vmPathName}" does not end in .vmx`);
  }
  if (files.find(path) !== undefined)
    throw fault('FileAlreadyExists', { file: vmPathName }, `${vmPathName} already exists`);
  return { datastore, directory: directoryOf(path), vmx: path };
}

function anyDatastore({ owner }: ResourcePool): Datastore {
  const found = owner.hosts.flatMap(({ datastores }) => datastores).find(({ accessible }) => accessible);
  if (found === undefined) throw fault('InvalidDatastore', {}, 'There is no datastore for the VM');
  return found;
}

/** @throws Fault InvalidState, InvalidDatastore, InvalidArgument */
export function chooseHost({ owner }: ResourcePool, wanted: HostSystem | undefined, datastore: Datastore): HostSystem {
  requireAccessible(datastore);
  if (wanted !== undefined && !owner.hosts.includes(wanted)) {
    throw fault('InvalidArgument', { invalidProperty: 'host' }, 'The host is not one of the resource pool');
  }
  const candidates = (wanted === undefined ? owner.hosts : [wanted]).filter(({ usable }) => usable);
  if (candidates.length === 0) throw fault('InvalidState', {}, 'No host is connected and out of maintenance mode');
  const writers = datastore.mounts.filter(
    ({ accessMode, mounted, accessible }) => accessMode === 'readWrite' && mounted !== false && accessible,
  );
  const host = candidates.find((candidate) => writers.some((mount) => mount.host === candidate));
  if (host === undefined) {
    throw fault(
      'InvalidDatastore',
      { datastore: datastore.ref, name: datastore.name },
      `[${datastore.name}] cannot be written to`,
    );
  }
  return host;
}
