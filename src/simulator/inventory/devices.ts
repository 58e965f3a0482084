import type { VimObject } from '../../vim/schema/index.js';
import type { DiskFile } from '../storage/disk-file.js';
import type { Datastore } from './datastore.js';

/** The controller types disks can hang on, each with what a disk's descriptor calls its adapter. */
export const controllerTypes = {
  VirtualIDEController: 'ide',
  VirtualLsiLogicController: 'lsilogic',
  VirtualLsiLogicSASController: 'lsisas1068',
  VirtualBusLogicController: 'buslogic',
  ParaVirtualSCSIController: 'pvscsi',
} as const;

export type ControllerType = keyof typeof controllerTypes;

export function isControllerType(type: string): type is ControllerType {
  return Object.hasOwn(controllerTypes, type);
}

/** A controller of a VM. */
export interface ControllerDevice {
  readonly kind: 'controller';
  readonly key: number;
  readonly type: ControllerType;
  readonly busNumber: number;
  /** SCSI only. */
  readonly sharedBus: string;
}

/** A disk of a VM. */
export interface DiskDevice {
  readonly kind: 'disk';
  readonly key: number;
  readonly controllerKey: number;
  readonly unitNumber: number;
  readonly file: DiskFile;
  readonly datastore: Datastore;
  readonly diskMode: string;
  /** Id of its storage policy: one of the device, not of the file. */
  readonly storageProfile: string | undefined;
}

export type Device = ControllerDevice | DiskDevice;

/** The controllers every VM is born with. */
export const defaultDevices: readonly ControllerDevice[] = [
  { kind: 'controller', key: 200, type: 'VirtualIDEController', busNumber: 0, sharedBus: 'noSharing' },
  { kind: 'controller', key: 201, type: 'VirtualIDEController', busNumber: 1, sharedBus: 'noSharing' },
];

/** Units of a controller that disks can have. Unit 7 of a SCSI bus is the controller itself. */
export function unitsOf({ type }: ControllerDevice): readonly number[] {
  if (type === 'VirtualIDEController') return [0, 1];
  const last = type === 'ParaVirtualSCSIController' ? 63 : 15;
  return Array.from({ length: last + 1 }, (_, unit) => unit).filter((unit) => unit !== 7);
}

/** The key a server gives a disk at a place. */
export function diskKey(controller: ControllerDevice, unitNumber: number): number {
  return controller.type === 'VirtualIDEController'
    ? 3000 + controller.busNumber * 2 + unitNumber
    : 2000 + controller.busNumber * 16 + unitNumber;
}

/** A device as clients see it. */
export function describeDevice(device: Device, all: readonly Device[]): VimObject<'VirtualDevice'> {
  return device.kind === 'controller' ? describeController(device, all) : describeDisk(device);
}

function describeController(device: ControllerDevice, all: readonly Device[]): VimObject<'VirtualDevice'> {
  const { key, type, busNumber, sharedBus } = device;
  const attached = all.flatMap((other) => (other.kind === 'disk' && other.controllerKey === key ? [other.key] : []));
  const common = { key, busNumber, ...(attached.length === 0 ? {} : { device: attached }) };
  if (type === 'VirtualIDEController') return { _type: type, ...common };
  return {
    _type: type,
    ...common,
    controllerKey: 100,
    unitNumber: 3 + busNumber,
    hotAddRemove: true,
    sharedBus,
    scsiCtlrUnitNumber: 7,
  };
}

function describeDisk({
  key,
  controllerKey,
  unitNumber,
  file,
  datastore,
  diskMode,
}: DiskDevice): VimObject<'VirtualDisk'> {
  return {
    _type: 'VirtualDisk',
    key,
    backing: {
      _type: 'VirtualDiskFlatVer2BackingInfo',
      fileName: datastore.pathTo(file.path),
      datastore: datastore.ref,
      diskMode,
      split: false,
      writeThrough: false,
      thinProvisioned: file.provisioning === 'thin',
      eagerlyScrub: file.provisioning === 'eagerZeroedThick',
      uuid: file.uuid,
    },
    controllerKey,
    unitNumber,
    capacityInKB: Math.floor(file.capacityBytes / 1024),
    capacityInBytes: file.capacityBytes,
  };
}
