import type { VimObject } from '../../vim/schema/index.js';
import { ManagedObject } from '../managed-object.js';
import type { VirtualMachine } from './virtual-machine.js';

/** A snapshot of a VM. Disks keep no earlier state: what matters here is that there is one. */
export class Snapshot extends ManagedObject {
  readonly vm: VirtualMachine;
  readonly name: string;
  readonly description: string;
  readonly number: number;
  readonly createTime = new Date().toISOString();

  constructor(id: string, vm: VirtualMachine, name: string, description: string, number: number) {
    super('VirtualMachineSnapshot', id);
    this.vm = vm;
    this.name = name;
    this.description = description;
    this.number = number;
  }
}

/** A VM's snapshots, each the child of the one before. */
export function describeSnapshots(snapshots: readonly Snapshot[]): VimObject<'VirtualMachineSnapshotInfo'> | undefined {
  const current = snapshots.at(-1);
  if (current === undefined) return undefined;
  let tree: VimObject<'VirtualMachineSnapshotTree'> | undefined;
  for (const snapshot of [...snapshots].reverse()) {
    tree = {
      snapshot: snapshot.ref,
      vm: snapshot.vm.ref,
      name: snapshot.name,
      description: snapshot.description,
      id: snapshot.number,
      createTime: snapshot.createTime,
      state: snapshot.vm.powerState,
      quiesced: false,
      ...(tree === undefined ? {} : { childSnapshotList: [tree] }),
    };
  }
  return { currentSnapshot: current.ref, rootSnapshotList: tree === undefined ? [] : [tree] };
}
