import type { MoRef } from '../vim/schema/index.js';
import { Datacenter } from './inventory/datacenter.js';
import type { DiskDevice } from './inventory/devices.js';
import { fileOf, parentsOf, shownFile } from './inventory/disk-chain.js';
import type { ManagedEntity } from './inventory/managed-entity.js';
import type { VirtualMachine } from './inventory/virtual-machine.js';
import type { Lease, LeaseKind, LeaseState } from './nfc/lease.js';
import type { Session } from './session.js';
import type { DatastoreEntry } from './storage/datastore-files.js';
import type { Provisioning } from './storage/disk-file.js';
import type { Task, TaskState } from './task.js';

/** A disk of a VM, as it is now. */
export interface DiskInfo {
  /** The device's key. */
  readonly key: number;
  /** Its file's datastore path. */
  readonly path: string;
  /** Whether its file is not there. What is said of it then is what it last was. */
  readonly missing: boolean;
  /** The datastore paths of what it is built on, the nearest first. */
  readonly parents: readonly string[];
  readonly capacityBytes: number;
  readonly provisioning: Provisioning;
  /** In the dashed form. */
  readonly uuid: string;
  readonly controllerKey: number;
  readonly controllerType: string;
  readonly unitNumber: number;
  /** As in a descriptor: `lsilogic`, `pvscsi`, … */
  readonly adapterType: string;
  readonly diskMode: string;
  /** Id of its storage policy. */
  readonly storageProfile: string | undefined;
}

/** A VM, as it is now. */
export interface VmInfo {
  readonly ref: MoRef;
  /** As the inventory keeps it: `%`, `/` and `\` escaped. */
  readonly name: string;
  /** The names from the root folder down, its own included. */
  readonly inventoryPath: string;
  /** Its configuration file's datastore path. */
  readonly vmPathName: string;
  readonly uuid: string;
  readonly instanceUuid: string;
  readonly powerState: string;
  readonly version: string;
  readonly guestId: string;
  readonly host: string;
  readonly datacenter: string | undefined;
  readonly extraConfig: Readonly<Record<string, unknown>>;
  readonly managedBy: { readonly extensionKey: string; readonly type: string } | undefined;
  /** Id of the storage policy of its home. */
  readonly storageProfile: string | undefined;
  readonly disks: readonly DiskInfo[];
  /** Names of its snapshots, oldest first. */
  readonly snapshots: readonly string[];
  /** The description id of what has it locked. */
  readonly busy: string | undefined;
}

/** Something in a datastore. */
export interface FileInfo {
  /** Its datastore path. */
  readonly path: string;
  readonly kind: 'directory' | 'file' | 'disk';
  /** What it takes of the datastore, in bytes. */
  readonly sizeBytes: number;
  /** Disks only. */
  readonly capacityBytes?: number;
  readonly provisioning?: Provisioning;
  readonly uuid?: string;
  /** Id of the VM whose device the disk is; of the first, where there are several. */
  readonly attachedTo?: string;
  /** Ids of all VMs whose device the disk is. */
  readonly attachedVms?: readonly string[];
  /** The datastore path of the disk that this one is built on. */
  readonly parent?: string;
  readonly locked?: boolean;
  /** SHA-256 of the disk's bytes, where it was asked for. */
  readonly sha256?: string;
}

/** An NFC lease. */
export interface LeaseInfo {
  readonly ref: MoRef;
  readonly kind: LeaseKind;
  readonly state: LeaseState;
  readonly vm: string;
  /** The type of the fault it ended with. */
  readonly error: string | undefined;
  /** As last reported, in percent. */
  readonly progress: number;
  readonly progressReports: number;
  readonly transfers: readonly TransferInfo[];
}

/** What moved, or moves, of one disk under a lease. */
export interface TransferInfo {
  /** The last part of its URL. */
  readonly targetId: string;
  readonly state: 'none' | 'open' | 'done' | 'failed';
  /** Bytes of the stream, of the last transfer. */
  readonly bytes: number;
  /** Whether any request for it carried a cookie: a session's is no business of the host that moves disks. */
  readonly cookieReceived: boolean;
}

/** A login. */
export interface SessionInfo {
  readonly key: string;
  readonly userName: string;
  readonly userAgent: string;
  readonly callCount: number;
  readonly loginTime: string;
}

/** A task. */
export interface TaskDescription {
  readonly ref: MoRef;
  readonly descriptionId: string;
  readonly entity: MoRef;
  readonly entityName: string | undefined;
  readonly state: TaskState;
  /** Who started it. */
  readonly userName: string;
  /** The type of the fault it ended with. */
  readonly error: string | undefined;
}

/** Everything, as plain data: equal before and after means that nothing changed. */
export interface SimulatorState {
  readonly vms: readonly VmInfo[];
  readonly files: readonly FileInfo[];
}

export function describeVm(vm: VirtualMachine): VmInfo {
  const { config, home } = vm;
  return {
    ref: vm.ref,
    name: vm.name,
    inventoryPath: inventoryPath(vm),
    vmPathName: home.datastore.pathTo(home.vmx),
    uuid: config.uuid,
    instanceUuid: config.instanceUuid,
    powerState: vm.powerState,
    version: config.version,
    guestId: config.guestId,
    host: vm.host.name,
    datacenter: vm.ancestor(Datacenter)?.name,
    extraConfig: Object.fromEntries(config.extraConfig),
    managedBy: config.managedBy && { extensionKey: config.managedBy.extensionKey, type: config.managedBy.type },
    storageProfile: config.storageProfile,
    disks: vm.disks.map((disk) => describeDisk(vm, disk)),
    snapshots: vm.snapshots.map(({ name }) => name),
    busy: vm.busy?.descriptionId,
  };
}

function describeDisk(vm: VirtualMachine, device: DiskDevice): DiskInfo {
  const { key, datastore, path, controllerKey, unitNumber, diskMode, storageProfile } = device;
  const file = shownFile(device);
  const controller = vm.config.devices.find((entry) => entry.key === controllerKey);
  return {
    key,
    path: datastore.pathTo(path),
    missing: fileOf(device) === undefined,
    parents: parentsOf(file).map((parent) => parent.datastore.pathTo(parent.path)),
    capacityBytes: file.capacityBytes,
    provisioning: file.provisioning,
    uuid: file.uuid,
    controllerKey,
    controllerType: controller?.kind === 'controller' ? controller.type : '',
    unitNumber,
    adapterType: file.adapterType,
    diskMode,
    storageProfile,
  };
}

function inventoryPath(entity: ManagedEntity): string {
  return entity.parent === undefined ? '' : `${inventoryPath(entity.parent)}/${entity.name}`;
}

export function describeLease(lease: Lease): LeaseInfo {
  return {
    ref: lease.ref,
    kind: lease.kind,
    state: lease.state,
    vm: lease.vm.name,
    error: lease.error?.data._type,
    progress: lease.progress,
    progressReports: lease.progressReports,
    transfers: lease.devices.map(({ targetId, transfer, bytes, cookieReceived }) => ({
      targetId,
      state: transfer,
      bytes,
      cookieReceived,
    })),
  };
}

export function describeSession({ key, userName, userAgent, callCount, loginTime }: Session): SessionInfo {
  return { key, userName, userAgent, callCount, loginTime: loginTime.toISOString() };
}

export function describeTask({
  ref,
  descriptionId,
  entity,
  entityName,
  state,
  userName,
  error,
}: Task): TaskDescription {
  return { ref, descriptionId, entity, entityName, state, userName, error: error?.data._type };
}

export function describeFile(path: string, entry: DatastoreEntry): FileInfo {
  switch (entry.kind) {
    case 'directory':
      return { path, kind: 'directory', sizeBytes: 0 };
    case 'file':
      return { path, kind: 'file', sizeBytes: entry.sizeBytes, locked: entry.locked };
    case 'disk': {
      const attachedVms = entry.files?.users.attached(entry.path).map(({ id }) => id) ?? [];
      const { parent } = entry;
      return {
        path,
        kind: 'disk',
        sizeBytes: entry.spaceUsed,
        capacityBytes: entry.capacityBytes,
        provisioning: entry.provisioning,
        uuid: entry.uuid,
        ...(attachedVms[0] === undefined ? {} : { attachedTo: attachedVms[0], attachedVms }),
        ...(parent === undefined ? {} : { parent: parent.datastore.pathTo(parent.path) }),
        locked: entry.locked,
      };
    }
  }
}
