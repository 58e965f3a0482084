import type { VimObject } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import type { PropertyTable } from '../managed-object.js';
import type { Task } from '../task.js';
import { configInfo } from './config-info.js';
import type { Datastore } from './datastore.js';
import type { Device, DiskDevice } from './devices.js';
import { chainOf, type Place, shownFile } from './disk-chain.js';
import { describeLayout } from './file-layout.js';
import type { Folder } from './folder.js';
import type { HostSystem } from './host-system.js';
import { ManagedEntity, managedEntityProperties } from './managed-entity.js';
import type { ResourcePool } from './resource-pool.js';
import { describeSnapshots, type Snapshot } from './snapshot.js';

export type PowerState = 'poweredOff' | 'poweredOn';

/** Where a VM's configuration file is. */
export interface VmHome {
  readonly datastore: Datastore;
  /** The directory of its files, within the datastore. */
  readonly directory: string;
  /** The `.vmx` file, within the datastore. */
  readonly vmx: string;
}

/** All of a VM that a reconfigure can change. Never modified: a change is a new one put in its place. */
export interface VmConfig {
  readonly uuid: string;
  readonly instanceUuid: string;
  readonly guestId: string;
  readonly version: string;
  readonly annotation: string | undefined;
  readonly numCPUs: number;
  readonly memoryMB: number;
  readonly extraConfig: ReadonlyMap<string, unknown>;
  readonly managedBy: VimObject<'ManagedByInfo'> | undefined;
  /** Id of the storage policy of its home. */
  readonly storageProfile: string | undefined;
  readonly devices: readonly Device[];
  readonly changeVersion: string;
}

/** A virtual machine. */
export class VirtualMachine extends ManagedEntity {
  readonly created: string;
  pool: ResourcePool;
  host: HostSystem;
  home: VmHome;
  powerState: PowerState = 'poweredOff';
  /** What has it locked: a task that is running, or the task of an NFC lease. */
  busy: Task | undefined;
  /** Whether the server knows the datastores of its disks by their names. */
  namesDatastores = true;
  #config: VmConfig;
  #snapshots: readonly Snapshot[] = [];
  /** Where it has told datastores that it uses their files. */
  #uses: readonly Place[] = [];

  constructor(
    id: string,
    name: string,
    place: { readonly folder: Folder; readonly pool: ResourcePool; readonly host: HostSystem; readonly home: VmHome },
    created: string,
    config: VmConfig,
  ) {
    super('VirtualMachine', id, name, place.folder);
    this.created = created;
    this.pool = place.pool;
    this.host = place.host;
    this.home = place.home;
    this.#config = { ...config, devices: [] };
    this.config = config;
  }

  get config(): VmConfig {
    return this.#config;
  }

  /** Puts a new configuration in place, and lets datastores know which of their files it uses. */
  set config(config: VmConfig) {
    this.leaveDatastores();
    this.#config = config;
    this.#joinDatastores();
  }

  /** Oldest first. */
  get snapshots(): readonly Snapshot[] {
    return this.#snapshots;
  }

  set snapshots(snapshots: readonly Snapshot[]) {
    this.leaveDatastores();
    this.#snapshots = snapshots;
    this.#joinDatastores();
  }

  #joinDatastores(): void {
    for (const disk of this.disks) {
      for (const { datastore, path } of chainOf(disk)) {
        datastore.files.users.add(path, this, path === disk.path && datastore === disk.datastore ? 'device' : 'parent');
      }
    }
    const kept = this.#snapshots.flatMap(({ keptDisks }) => keptDisks.flatMap(chainOf));
    for (const { datastore, path } of kept) datastore.files.users.add(path, this, 'parent');
    this.#uses = [{ datastore: this.home.datastore, path: this.home.vmx }, ...this.disks.flatMap(chainOf), ...kept];
    for (const { datastore } of this.#uses) datastore.vms.add(this);
  }

  /** Takes back what it told datastores: it uses their files no more. */
  leaveDatastores(): void {
    for (const { datastore, path } of this.#uses) {
      datastore.files.users.remove(path, this);
      datastore.vms.delete(this);
    }
    this.#uses = [];
  }

  get disks(): readonly DiskDevice[] {
    return this.#config.devices.filter((device) => device.kind === 'disk');
  }

  get datastores(): readonly Datastore[] {
    return [...new Set(this.#uses.map(({ datastore }) => datastore))];
  }

  /** Whether its host can be reached. */
  get isConnected(): boolean {
    return this.host.connectionState === 'connected';
  }

  /** @throws Fault InvalidPowerState */
  requirePoweredOff(): void {
    if (this.powerState === 'poweredOff') return;
    throw fault(
      'InvalidPowerState',
      { requestedState: 'poweredOff', existingState: this.powerState },
      'The attempted operation cannot be performed in the current state (Powered on).',
    );
  }

  /** @throws Fault TaskInProgress */
  requireIdle(): void {
    if (this.busy !== undefined) {
      throw fault(
        'TaskInProgress',
        { task: this.busy.ref },
        'The operation is not allowed: another task is already in progress.',
      );
    }
  }
}

function runtimeInfo({ host, isConnected, powerState }: VirtualMachine): VimObject<'VirtualMachineRuntimeInfo'> {
  return {
    host: host.ref,
    connectionState: isConnected ? 'connected' : 'disconnected',
    powerState,
    faultToleranceState: 'notConfigured',
    toolsInstallerMounted: false,
    numMksConnections: 0,
    recordReplayState: 'inactive',
    onlineStandby: false,
    consolidationNeeded: false,
  };
}

/** Nothing runs in the simulator's VMs. */
const noTools = {
  toolsStatus: 'toolsNotInstalled',
  toolsVersionStatus: 'guestToolsNotInstalled',
  toolsRunningStatus: 'guestToolsNotRunning',
} as const;

function guestInfo(): VimObject<'GuestInfo'> {
  return { ...noTools, guestState: 'notRunning' };
}

function summary(vm: VirtualMachine): VimObject<'VirtualMachineSummary'> {
  const { config } = vm;
  return {
    vm: vm.ref,
    runtime: runtimeInfo(vm),
    guest: noTools,
    config: {
      name: vm.name,
      template: false,
      vmPathName: vm.home.datastore.pathTo(vm.home.vmx),
      memorySizeMB: config.memoryMB,
      numCpu: config.numCPUs,
      numVirtualDisks: vm.disks.length,
      uuid: config.uuid,
      instanceUuid: config.instanceUuid,
      guestId: config.guestId,
      guestFullName: 'Other (32-bit)',
      ...(config.managedBy === undefined ? {} : { managedBy: config.managedBy }),
    },
    storage: storageSummary(vm),
    quickStats: { guestHeartbeatStatus: 'gray' },
    overallStatus: 'green',
  };
}

function storageSummary({ disks, created }: VirtualMachine): VimObject<'VirtualMachineStorageSummary'> {
  const sum = (sizeOf: (disk: DiskDevice) => number): number => disks.reduce((total, disk) => total + sizeOf(disk), 0);
  const committed = sum((disk) => shownFile(disk).spaceUsed);
  const uncommitted = sum((disk) => shownFile(disk).capacityBytes) - committed;
  return { committed, uncommitted, unshared: committed, timestamp: created };
}

export const virtualMachineProperties: PropertyTable<VirtualMachine> = {
  ...managedEntityProperties,
  config: { spec: 'VirtualMachineConfigInfo?', get: (vm) => configInfo(vm, vm.config.devices) },
  datastore: { spec: 'ref[]?', get: ({ datastores }) => datastores.map(({ ref }) => ref) },
  guest: { spec: 'GuestInfo?', get: guestInfo },
  layout: { spec: 'VirtualMachineFileLayout?', get: describeLayout },
  network: { spec: 'ref[]?', get: () => [] },
  parentVApp: { spec: 'ref?', get: () => undefined },
  resourcePool: { spec: 'ref?', get: ({ pool }) => pool.ref },
  runtime: { spec: 'VirtualMachineRuntimeInfo', get: runtimeInfo },
  snapshot: { spec: 'VirtualMachineSnapshotInfo?', get: ({ snapshots }) => describeSnapshots(snapshots) },
  summary: { spec: 'VirtualMachineSummary', get: summary },
};
