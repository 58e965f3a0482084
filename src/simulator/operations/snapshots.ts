import { entityName } from '../inventory/entity-name.js';
import { Snapshot } from '../inventory/snapshot.js';
import type { VirtualMachine } from '../inventory/virtual-machine.js';
import type { World } from '../world.js';

/** Adds a snapshot below the last one. */
export function createSnapshot({ registry }: World, vm: VirtualMachine, name: string, description: string): Snapshot {
  const number = registry.nextNumber('snapshot');
  const snapshot = registry.add(new Snapshot(`snapshot-${number}`, vm, entityName(name), description, number));
  vm.snapshots = [...vm.snapshots, snapshot];
  registry.changed();
  return snapshot;
}

export function removeAllSnapshots({ registry }: World, vm: VirtualMachine): void {
  for (const snapshot of vm.snapshots) registry.remove(snapshot);
  vm.snapshots = [];
  registry.changed();
}
