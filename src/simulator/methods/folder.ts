import { fault } from '../fault.js';
import { entityName } from '../inventory/entity-name.js';
import { Folder } from '../inventory/folder.js';
import { HostSystem } from '../inventory/host-system.js';
import { ManagedEntity } from '../inventory/managed-entity.js';
import { ResourcePool } from '../inventory/resource-pool.js';
import { VirtualMachine } from '../inventory/virtual-machine.js';
import { createVm } from '../operations/create-vm.js';
import { moveIntoFolder } from '../operations/move-vm.js';
import { as, type Handlers } from './handler.js';

export const folderMethods: Handlers<'CreateFolder' | 'MoveIntoFolder_Task' | 'CreateVM_Task'> = {
  CreateFolder(world, target, { name: rawName }) {
    const parent = as(Folder, target);
    if (!world.isVcenter || !parent.childTypes.includes('Folder')) {
      throw fault('NotSupported', {}, 'The folder holds no folders');
    }
    const name = entityName(rawName);
    parent.requireFree(name);
    const kind = parent.childTypes.includes('VirtualMachine')
      ? 'v'
      : parent.id.slice('group-'.length, 'group-'.length + 1);
    const folder = new Folder(`group-${kind}${world.registry.nextNumber('entity')}`, name, parent, parent.childTypes);
    parent.adopt(folder);
    return world.registry.add(folder).ref;
  },

  MoveIntoFolder_Task(world, target, { list }, caller) {
    const folder = as(Folder, target);
    if (!world.isVcenter) throw fault('NotSupported', {}, 'An ESXi has no folders to move into');
    const entities = list.map((ref) => world.registry.get(ManagedEntity, ref, 'list'));
    const run = (): void => {
      for (const entity of entities) moveIntoFolder(entity, folder);
    };
    const locks = entities.filter((entity) => entity instanceof VirtualMachine);
    return world.tasks.start(caller, { descriptionId: 'Folder.moveInto', entity: folder, locks, run }).ref;
  },

  CreateVM_Task(world, target, { config, pool, host }, caller) {
    const { registry } = world;
    const folder = as(Folder, target);
    const place = {
      folder,
      pool: registry.get(ResourcePool, pool, 'pool'),
      host: host === undefined ? undefined : registry.get(HostSystem, host, 'host'),
    };
    const run = async () => (await createVm(world, place, config)).ref;
    return world.tasks.start(caller, { descriptionId: 'Folder.createVm', entity: folder, run }).ref;
  },
};
