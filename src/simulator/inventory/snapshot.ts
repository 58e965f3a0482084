import type { VimObject } from '../../vim/schema/index.js';
import { ManagedObject, type PropertyTable } from '../managed-object.js';
import type { DiskFile } from '../storage/disk-file.js';
import { configInfo } from './config-info.js';
import type { Device, DiskDevice } from './devices.js';
import type { VirtualMachine } from './virtual-machine.js';

/** What a new snapshot is. */
export interface SnapshotInit {
  readonly name: string;
  readonly description: string;
  readonly number: number;
  readonly createTime: string;
  readonly devices: readonly Device[];
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
  readonly #devices: readonly Device[];

  constructor(id: string, vm: VirtualMachine, { name, description, number, createTime, devices, disks }: SnapshotInit) {
    super('VirtualMachineSnapshot', id);
    this.vm = vm;
    this.name = name;
    this.description = description;
    this.number = number;
    this.createTime = createTime;
    this.disks = disks;
    this.#devices = devices;
  }

  /** The devices that the VM had, with its disks where their files are by now: a relocation takes these along. */
  get devices(): readonly Device[] {
    return this.#devices.map((device) => {
      const file = this.disks.get(device.key);
      if (device.kind !== 'disk' || file?.files === undefined) return device;
      return { ...device, datastore: file.files.datastore, path: file.path };
    });
  }

  /** Those of the VM's disks that it keeps as they were. */
  get keptDisks(): readonly DiskDevice[] {
    return this.devices.filter((device) => device.kind === 'disk').filter(({ key }) => this.disks.has(key));
  }
}

export const snapshotProperties: PropertyTable<Snapshot> = {
  config: { spec: 'VirtualMachineConfigInfo', get: ({ vm, devices }) => configInfo(vm, devices) },
  vm: { spec: 'ref', get: ({ vm }) => vm.ref },
};

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
