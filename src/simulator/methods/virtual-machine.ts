import { fault } from '../fault.js';
import { Folder } from '../inventory/folder.js';
import { VirtualMachine } from '../inventory/virtual-machine.js';
import { cloneVm } from '../operations/clone-vm.js';
import { requireUnlocked } from '../operations/locks.js';
import { powerOff, powerOn } from '../operations/power.js';
import { reconfigureVm } from '../operations/reconfigure-vm.js';
import { relocateVm } from '../operations/relocate-vm.js';
import { unregisterVm } from '../operations/remove-vm.js';
import { createSnapshot, removeAllSnapshots } from '../operations/snapshots.js';
import type { World } from '../world.js';
import { as, type Handlers } from './handler.js';

type Methods =
  | 'ReconfigVM_Task'
  | 'RelocateVM_Task'
  | 'CloneVM_Task'
  | 'UnregisterVM'
  | 'PowerOnVM_Task'
  | 'PowerOffVM_Task'
  | 'CreateSnapshot_Task'
  | 'RemoveAllSnapshots_Task'
  | 'ExportVm';

export const virtualMachineMethods: Handlers<Methods> = {
  ReconfigVM_Task(world, target, { spec }, caller) {
    const entity = as(VirtualMachine, target);
    const run = () => reconfigureVm(world, entity, spec);
    return world.tasks.start(caller, { descriptionId: 'VirtualMachine.reconfigure', entity, locks: [entity], run }).ref;
  },

  RelocateVM_Task(world, target, { spec }, caller) {
    const entity = as(VirtualMachine, target);
    requireVcenter(world);
    const run = (): void => {
      relocateVm(world, entity, spec);
    };
    const common = { entity, locks: [entity], cancelable: true, run };
    return world.tasks.start(caller, { descriptionId: 'VirtualMachine.relocate', ...common }).ref;
  },

  CloneVM_Task(world, target, { folder, name, spec }, caller) {
    const entity = as(VirtualMachine, target);
    requireVcenter(world);
    const destination = world.registry.get(Folder, folder, 'folder');
    const run = async () => (await cloneVm(world, entity, destination, name, spec)).ref;
    const common = { entity, locks: [entity], cancelable: true, run };
    return world.tasks.start(caller, { descriptionId: 'VirtualMachine.clone', ...common }).ref;
  },

  UnregisterVM(world, target) {
    const vm = as(VirtualMachine, target);
    vm.requireIdle();
    vm.requirePoweredOff();
    unregisterVm(world, vm);
    return undefined;
  },

  PowerOnVM_Task(world, target, _args, caller) {
    const entity = as(VirtualMachine, target);
    const run = (): void => {
      powerOn(world, entity);
    };
    return world.tasks.start(caller, { descriptionId: 'VirtualMachine.powerOn', entity, locks: [entity], run }).ref;
  },

  PowerOffVM_Task(world, target, _args, caller) {
    const entity = as(VirtualMachine, target);
    const run = (): void => {
      powerOff(world, entity);
    };
    return world.tasks.start(caller, { descriptionId: 'VirtualMachine.powerOff', entity, locks: [entity], run }).ref;
  },

  CreateSnapshot_Task(world, target, { name, description = '' }, caller) {
    const entity = as(VirtualMachine, target);
    const run = () => createSnapshot(world, entity, name, description).ref;
    return world.tasks.start(caller, { descriptionId: 'VirtualMachine.createSnapshot', entity, locks: [entity], run })
      .ref;
  },

  RemoveAllSnapshots_Task(world, target, _args, caller) {
    const entity = as(VirtualMachine, target);
    const run = (): void => {
      removeAllSnapshots(world, entity);
    };
    return world.tasks.start(caller, {
      descriptionId: 'VirtualMachine.removeAllSnapshots',
      entity,
      locks: [entity],
      run,
    }).ref;
  },

  ExportVm({ leases }, target, _args, { userName }) {
    const vm = as(VirtualMachine, target);
    if (!vm.isConnected) throw fault('HostNotConnected', {}, `The host of ${vm.name} is not connected`);
    vm.requirePoweredOff();
    for (const disk of vm.disks) requireUnlocked(disk, vm);
    return leases.open('export', vm, userName).ref;
  },
};

function requireVcenter({ isVcenter }: World): void {
  if (!isVcenter) throw fault('NotSupported', {}, 'The operation is not supported on an ESXi host');
}
