import { fault } from '../fault.js';
import { Datacenter } from '../inventory/datacenter.js';
import { Folder } from '../inventory/folder.js';
import { HostSystem } from '../inventory/host-system.js';
import { ResourcePool } from '../inventory/resource-pool.js';
import { createVm } from '../operations/create-vm.js';
import { as, type Handlers } from './handler.js';

export const resourcePoolMethods: Handlers<'ImportVApp'> = {
  async ImportVApp(world, target, { spec, folder: folderRef, host }, { userName }) {
    const { registry } = world;
    const pool = as(ResourcePool, target);
    if (spec._type !== 'VirtualMachineImportSpec') throw fault('NotSupported', {}, 'The simulator imports VMs only');
    const folder =
      folderRef === undefined ? pool.ancestor(Datacenter)?.vmFolder : registry.get(Folder, folderRef, 'folder');
    if (folder === undefined) throw fault('InvalidArgument', { invalidProperty: 'folder' }, 'The folder is needed');
    const { uuid, ...configSpec } = spec.configSpec;
    const vm = await createVm(
      world,
      { folder, pool, host: host === undefined ? undefined : registry.get(HostSystem, host, 'host') },
      { ...configSpec, ...(uuid === undefined || !world.settings.quirks.keepsImportedUuid ? {} : { uuid }) },
    );
    return world.leases.open('import', vm, userName).ref;
  },
};
