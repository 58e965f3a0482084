import { fault } from '../fault.js';
import { requireReadable } from '../inventory/disk-chain.js';
import { isShared } from '../inventory/disk-settings.js';
import type { PowerState, VirtualMachine } from '../inventory/virtual-machine.js';
import type { World } from '../world.js';
import { requireUnlocked } from './locks.js';

/** @throws Fault InvalidPowerState, FileLocked, FileNotFound, GenericVmConfigFault */
export function powerOn(world: World, vm: VirtualMachine): void {
  requireState(vm, 'poweredOff', 'poweredOn');
  for (const disk of vm.disks) {
    requireReadable(disk);
    if (!isShared(disk)) requireUnlocked(disk, vm);
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
