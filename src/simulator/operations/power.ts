import { fault } from '../fault.js';
import type { PowerState, VirtualMachine } from '../inventory/virtual-machine.js';
import type { World } from '../world.js';

/** @throws Fault InvalidPowerState, FileLocked */
export function powerOn(world: World, vm: VirtualMachine): void {
  requireState(vm, 'poweredOff', 'poweredOn');
  const locked = vm.disks.find(({ file }) => file.locked);
  if (locked !== undefined) {
    throw fault('FileLocked', { file: locked.datastore.pathTo(locked.file.path) }, 'Failed to lock the file');
  }
  vm.powerState = 'poweredOn';
  world.registry.changed();
}

/** @throws Fault InvalidPowerState */
export function powerOff(world: World, vm: VirtualMachine): void {
  requireState(vm, 'poweredOn', 'poweredOff');
  vm.powerState = 'poweredOff';
  world.registry.changed();
}

function requireState({ powerState }: VirtualMachine, existing: PowerState, requestedState: PowerState): void {
  if (powerState === existing) return;
  throw fault(
    'InvalidPowerState',
    { requestedState, existingState: powerState },
    `The virtual machine is ${powerState}`,
  );
}
