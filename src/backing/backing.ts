import { BackingInUseError, BackingInvalidError, VimProtocolError, VolumeHasSnapshotsError } from '../errors/index.js';
import { type BackingMarks, readBackingMarks } from '../journal/backing-marks.js';
import { extraConfigValue } from '../journal/restore-journal.js';
import type { AdapterType, DiskProvisioning } from '../model/disk-kinds.js';
import { readProperties } from '../vim/property-collector.js';
import type { MoRef, PropertiesOf, VimObject } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { adapterTypeOf } from './adapter-type.js';
import { provisioningOf } from './disk-backing.js';
import { disksUntold } from './disk-chains.js';

/** The extraConfig key by which Cinder marks a backing with its volume's id. */
export const volumeIdKey = 'cinder.volume.id';

/** A VM's virtual disk, and how it is attached. */
export interface AttachedDisk {
  /** The device as the server describes it; removing a disk needs it whole. */
  readonly device: Extract<VimObject<'VirtualDevice'>, { readonly _type: 'VirtualDisk' }>;
  /** Datastore path of its file. */
  readonly path: string;
  readonly datastore: MoRef;
  readonly capacityBytes: number;
  readonly provisioning: DiskProvisioning;
  readonly adapterType: AdapterType;
  /** As the server names it (`VirtualDiskMode`). */
  readonly diskMode: string;
  readonly uuid: string | undefined;
  /** Datastore path of the disk it is built on: it is a linked clone's, or a snapshot's that went wrong. */
  readonly parentPath: string | undefined;
}

/** The shadow VM that holds a volume's one virtual disk. */
export interface Backing {
  readonly ref: MoRef;
  readonly name: string;
  readonly disk: AttachedDisk;
  /** Inventory folder it lies in. */
  readonly folder: MoRef;
  readonly resourcePool: MoRef;
  readonly host: MoRef | undefined;
  readonly hardwareVersion: string | undefined;
  readonly poweredOn: boolean;
  readonly hasSnapshots: boolean;
  /** Counts its configuration's changes (`VirtualMachineConfigInfo.changeVersion`). */
  readonly changeVersion: string | undefined;
  /** The most its files take in the datastore, in bytes, where the server tells. */
  readonly committedBytes: number | undefined;
  /** Datastore path of its configuration file. */
  readonly vmPath: string | undefined;
  readonly identity: VmIdentity;
  readonly marks: BackingMarks;
}

/** What says whose volume a VM holds. */
export interface VmIdentity {
  readonly instanceUuid: string | undefined;
  /** Cinder's mark. */
  readonly volumeId: string | undefined;
}

/** Whether a VM is marked as a volume's: by Cinder's mark, or without one by its instance UUID. */
export function isMarkedAs({ instanceUuid, volumeId }: VmIdentity, id: string): boolean {
  return volumeId === undefined ? instanceUuid?.toLowerCase() === id.toLowerCase() : volumeId === id;
}

/** Reads whose volume a VM holds. */
export function identityOf(
  vm: Pick<
    PropertiesOf<'VirtualMachine', 'config.instanceUuid' | 'config.extraConfig'>,
    'config.instanceUuid' | 'config.extraConfig'
  >,
): VmIdentity {
  return {
    instanceUuid: vm['config.instanceUuid'],
    volumeId: extraConfigValue(vm['config.extraConfig'], volumeIdKey),
  };
}

const backingProperties = [
  'name',
  'parent',
  'resourcePool',
  'runtime.host',
  'runtime.powerState',
  'snapshot',
  'summary.storage',
  'config.changeVersion',
  'config.version',
  'config.instanceUuid',
  'config.extraConfig',
  'config.files.vmPathName',
  'config.hardware.device',
] as const;

/**
 * Reads a backing as it is now.
 *
 * @throws BackingInvalidError where the VM has no disk, several, or one that is not a flat file
 */
export async function readBacking(vim: VimSession, ref: MoRef, options?: AbortableOptions): Promise<Backing> {
  const vm = await readProperties(vim, ref, 'VirtualMachine', backingProperties, options);
  if (vm.parent === undefined || vm.resourcePool === undefined) {
    throw new BackingInvalidError(`${vm.name}: a template, or in a vApp: it has no folder or no resource pool`);
  }
  return {
    ref,
    name: vm.name,
    disk: onlyDisk(vm.name, vm['config.hardware.device']),
    folder: vm.parent,
    resourcePool: vm.resourcePool,
    host: vm['runtime.host'],
    hardwareVersion: vm['config.version'],
    poweredOn: vm['runtime.powerState'] !== 'poweredOff',
    hasSnapshots: hasSnapshots(vm),
    changeVersion: vm['config.changeVersion'],
    committedBytes: vm['summary.storage']?.committed,
    vmPath: vm['config.files.vmPathName'],
    identity: identityOf(vm),
    marks: readBackingMarks(vm['config.extraConfig']),
  };
}

/** Refuses a backing that somebody runs: its disk changes under us, and cannot be replaced. */
export function assertPoweredOff({ name, poweredOn }: Pick<Backing, 'name' | 'poweredOn'>): void {
  if (poweredOn) throw new BackingInUseError(`${name} is powered on, and a backing never is: power it off`);
}

/** {@link assertPoweredOff} for a VM of which nothing else matters. */
export async function assertOff(vim: VimSession, ref: MoRef, options: AbortableOptions): Promise<void> {
  const vm = await readProperties(vim, ref, 'VirtualMachine', ['name', 'runtime.powerState'], options);
  assertPoweredOff({ name: vm.name, poweredOn: vm['runtime.powerState'] !== 'poweredOff' });
}

/** Refuses a disk that the server made of another size than it was told. */
export function assertCapacity({ name, disk }: Backing, capacityBytes: number): void {
  if (disk.capacityBytes === capacityBytes) return;
  throw new BackingInvalidError(
    `${name}'s disk has ${disk.capacityBytes} bytes where ${capacityBytes} were asked for: ${disk.path}`,
  );
}

/** The virtual disks among a VM's devices. */
export function attachedDisks(devices: readonly VimObject<'VirtualDevice'>[]): AttachedDisk[] {
  return devices.flatMap((device) => (device._type === 'VirtualDisk' ? [describeDisk(device, devices)] : []));
}

function onlyDisk(name: string, devices: readonly VimObject<'VirtualDevice'>[] | undefined): AttachedDisk {
  if (devices === undefined) {
    const { message, retryable } = disksUntold(name, devices);
    throw new BackingInvalidError(message, { retryable });
  }
  const disks = attachedDisks(devices);
  const [disk] = disks;
  if (disk === undefined || disks.length > 1) {
    throw new BackingInvalidError(`${name} has ${disks.length} virtual disks; a backing has one`);
  }
  return disk;
}

function describeDisk(device: AttachedDisk['device'], devices: readonly VimObject<'VirtualDevice'>[]): AttachedDisk {
  const { backing } = device;
  if (backing?._type !== 'VirtualDiskFlatVer2BackingInfo') {
    throw new BackingInvalidError(
      `a disk backed by ${backing?._type ?? 'nothing'} is no volume's: only flat files are`,
    );
  }
  if (backing.datastore === undefined) throw new VimProtocolError(`${backing.fileName}: the server names no datastore`);
  const controller = devices.find(({ key }) => key === device.controllerKey);
  const adapterType = controller && adapterTypeOf(controller);
  if (adapterType === undefined) {
    throw new BackingInvalidError(`${backing.fileName} is attached to a ${controller?._type ?? 'missing controller'}`);
  }
  return {
    device,
    path: backing.fileName,
    datastore: backing.datastore,
    capacityBytes: device.capacityInBytes ?? device.capacityInKB * 1024,
    provisioning: provisioningOf(backing),
    adapterType,
    diskMode: backing.diskMode,
    uuid: backing.uuid,
    parentPath: backing.parent?.fileName,
  };
}

/**
 * Refuses a disk that is built on another's file. To replace or extend it breaks the chain, and what becomes of the parent is
 * nowhere promised.
 */
export function assertNoParent({ name, disk }: Backing, what: string): void {
  if (disk.parentPath === undefined) return;
  throw new BackingInvalidError(
    `the disk of ${name} is built on ${disk.parentPath}, so it cannot be ${what}: consolidate it, or restore to a new volume`,
  );
}

/** Refuses a backing with snapshots: its disk cannot be replaced or extended. */
export function assertNoSnapshots({ name, hasSnapshots: has }: Backing, what: string): void {
  if (has) throw new VolumeHasSnapshotsError(`${name} has snapshots; its disk cannot be ${what}`);
}

function hasSnapshots({ snapshot }: PropertiesOf<'VirtualMachine', 'snapshot'>): boolean {
  return (snapshot?.rootSnapshotList ?? []).length > 0;
}
