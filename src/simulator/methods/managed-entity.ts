import { fault } from '../fault.js';
import { fileOf } from '../inventory/disk-chain.js';
import { entityName } from '../inventory/entity-name.js';
import { Folder } from '../inventory/folder.js';
import { ManagedEntity } from '../inventory/managed-entity.js';
import { VirtualMachine } from '../inventory/virtual-machine.js';
import { requireUnlocked } from '../operations/locks.js';
import { deleteDisksOf, removeVm } from '../operations/remove-vm.js';
import { touch } from '../operations/vm-config.js';
import type { World } from '../world.js';
import { as, type Handlers } from './handler.js';

export const managedEntityMethods: Handlers<'Rename_Task' | 'Destroy_Task'> = {
  Rename_Task(world, target, { newName }, caller) {
    const entity = as(ManagedEntity, target);
    const run = (): void => {
      const { parent } = entity;
      if (!(parent instanceof Folder)) throw fault('NotSupported', {}, `${entity.name} cannot be renamed`);
      parent.rename(entity, entityName(newName));
      if (entity instanceof VirtualMachine) touch(world, entity);
      world.registry.changed();
    };
    const locks = entity instanceof VirtualMachine ? [entity] : [];
    return world.tasks.start(caller, { descriptionId: 'ManagedEntity.rename', entity, locks, run }).ref;
  },

  Destroy_Task(world, target, _args, caller) {
    const entity = as(ManagedEntity, target);
    if (entity instanceof VirtualMachine) {
      const run = () => destroyVm(world, entity);
      return world.tasks.start(caller, { descriptionId: 'VirtualMachine.destroy', entity, locks: [entity], run }).ref;
    }
    const run = (): void => {
      destroyFolder(world, entity);
    };
    return world.tasks.start(caller, { descriptionId: 'Folder.destroy', entity, run }).ref;
  },
};

async function destroyVm(world: World, vm: VirtualMachine): Promise<void> {
  vm.requirePoweredOff();
  for (const disk of vm.disks) requireUnlocked(disk, vm);
  const hasFiles = vm.disks.some((disk) => fileOf(disk) !== undefined);
  if (!world.settings.quirks.atomicDestroy && hasFiles) {
    await deleteDisksOf(world, vm);
    const reason = 'Some of the files could be deleted, and the virtual machine could not be removed.';
    throw fault('SystemError', { reason }, `A general system error occurred: ${reason}`);
  }
  await removeVm(world, vm);
}

/** A folder's contents would go with it; the simulator destroys empty ones only. */
function destroyFolder(world: World, entity: ManagedEntity): void {
  if (!(entity instanceof Folder) || !(entity.parent instanceof Folder) || entity.children.length > 0) {
    throw fault('NotSupported', {}, 'The simulator destroys virtual machines and empty folders only');
  }
  entity.parent.release(entity);
  world.registry.remove(entity);
}
