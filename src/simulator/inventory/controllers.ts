import type { VimObject } from '../../vim/schema/index.js';
import type { Device } from './devices.js';

/** What one type of controller is like. */
interface ControllerKind {
  /** Types with the same bus share its numbers. */
  readonly bus: 'ide' | 'scsi' | 'sata' | 'nvme';
  /** What a disk's descriptor calls the adapter. */
  readonly adapterType: string;
  /** How many units there are. */
  readonly units: number;
}

/** The controller types disks can hang on. */
const kinds = {
  VirtualIDEController: { bus: 'ide', adapterType: 'ide', units: 2 },
  VirtualLsiLogicController: { bus: 'scsi', adapterType: 'lsilogic', units: 16 },
  VirtualLsiLogicSASController: { bus: 'scsi', adapterType: 'lsisas1068', units: 16 },
  VirtualBusLogicController: { bus: 'scsi', adapterType: 'buslogic', units: 16 },
  ParaVirtualSCSIController: { bus: 'scsi', adapterType: 'pvscsi', units: 64 },
  VirtualAHCIController: { bus: 'sata', adapterType: 'lsilogic', units: 30 },
  VirtualNVMEController: { bus: 'nvme', adapterType: 'lsilogic', units: 15 },
} as const satisfies Record<string, ControllerKind>;

export type ControllerType = keyof typeof kinds;

/** Per bus: how many a VM can have, the first controller's key, the first disk's key, and how far disk keys of two are apart. */
const buses = {
  ide: { count: 2, controllerKey: 200, diskKey: 3000, stride: 2 },
  scsi: { count: 4, controllerKey: 1000, diskKey: 2000, stride: 16 },
  sata: { count: 4, controllerKey: 15000, diskKey: 16000, stride: 30 },
  nvme: { count: 4, controllerKey: 31000, diskKey: 32000, stride: 15 },
} as const;

/** A controller of a VM. */
export interface ControllerDevice {
  readonly kind: 'controller';
  readonly key: number;
  readonly type: ControllerType;
  readonly busNumber: number;
  /** SCSI only. */
  readonly sharedBus: string;
}

export function isControllerType(type: string): type is ControllerType {
  return Object.hasOwn(kinds, type);
}

/** The controllers every VM is born with. */
export const defaultControllers: readonly ControllerDevice[] = [
  { kind: 'controller', key: 200, type: 'VirtualIDEController', busNumber: 0, sharedBus: 'noSharing' },
  { kind: 'controller', key: 201, type: 'VirtualIDEController', busNumber: 1, sharedBus: 'noSharing' },
];

/** The bus a type of controller makes. */
export function busOf(type: ControllerType): (typeof kinds)[ControllerType]['bus'] {
  return kinds[type].bus;
}

/** How many controllers of a type's bus a VM can have. */
export function busCount(type: ControllerType): number {
  return buses[busOf(type)].count;
}

/** What a disk's descriptor calls the adapter that a type of controller is. */
export function descriptorAdapter(type: ControllerType): string {
  return kinds[type].adapterType;
}

/** The key a server gives a controller. */
export function controllerKey(type: ControllerType, busNumber: number): number {
  return buses[busOf(type)].controllerKey + busNumber;
}

/** The key a server gives a disk at a place. */
export function diskKey({ type, busNumber }: ControllerDevice, unitNumber: number): number {
  const bus = buses[busOf(type)];
  return bus.diskKey + busNumber * bus.stride + unitNumber;
}

/** Units of a controller that disks can have. Unit 7 of a SCSI bus is the controller itself. */
export function unitsOf({ type }: ControllerDevice): readonly number[] {
  const { bus, units } = kinds[type];
  return Array.from({ length: units }, (_, unit) => unit).filter((unit) => bus !== 'scsi' || unit !== 7);
}

/** A controller as clients see it. */
export function describeController(device: ControllerDevice, all: readonly Device[]): VimObject<'VirtualDevice'> {
  const { key, type, busNumber, sharedBus } = device;
  const attached = all.flatMap((other) => (other.kind === 'disk' && other.controllerKey === key ? [other.key] : []));
  const common = { key, busNumber, ...(attached.length === 0 ? {} : { device: attached }) };
  switch (type) {
    case 'VirtualIDEController':
      return { _type: type, ...common };
    case 'VirtualAHCIController':
    case 'VirtualNVMEController':
      return { _type: type, ...common, controllerKey: 100, unitNumber: 24 + busNumber };
    default:
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
}
