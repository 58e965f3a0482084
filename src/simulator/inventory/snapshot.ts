import type { VimObject } from '../../vim/schema/index.js';
import { ManagedObject } from '../managed-object.js';
import type { DiskFile } from '../storage/disk-file.js';
import type { VirtualMachine } from './virtual-machine.js';

/** What a new snapshot is. */
export interface SnapshotInit {
  readonly name: string;
  readonly description: string;
  readonly number: number;
  readonly createTime: string;
  readonly disks: ReadonlyMap<number, DiskFile>;
}

/** A snapshot of a VM: the disks as they were then. Those that the VM has now are built on them. */
export class Snapshot extends ManagedObject {
  readonly vm: VirtualMachine;
  readonly name: string;
  readonly description: string;
  readonly number: number;
  readonly createTime: string;
  /** What each disk was, by its device's key. */
  readonly disks: ReadonlyMap<number, DiskFile>;

  constructor(id: string, vm: VirtualMachine, { name, description, number, createTime, disks }: SnapshotInit) {
    super('VirtualMachineSnapshot', id);
    this.vm = vm;
    this.name = name;
    this.description = description;
    this.number = number;
    this.createTime = createTime;
    this.disks = disks;
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
