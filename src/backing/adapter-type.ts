import type { AdapterType } from '../model/disk-kinds.js';
import type { VimObject } from '../vim/schema/index.js';

/** The vim25 controller class of each adapter type (Cinder's `VirtualDiskAdapterType`, and two more). */
const controllerClasses = {
  lsiLogic: 'VirtualLsiLogicController',
  busLogic: 'VirtualBusLogicController',
  lsiLogicsas: 'VirtualLsiLogicSASController',
  paraVirtual: 'ParaVirtualSCSIController',
  ide: 'VirtualIDEController',
  nvme: 'VirtualNVMEController',
  ahci: 'VirtualAHCIController',
} as const satisfies Record<AdapterType, string>;

/** The key a new VM's first IDE controller always has. */
const defaultIdeControllerKey = 200;
/** Keys of devices that are only being asked for are negative, and tell them apart within one request. */
const newControllerKey = -100;

/** The adapter type of a controller, or `undefined` where it is none a volume's disk is attached to. */
export function adapterTypeOf(controller: VimObject<'VirtualDevice'>): AdapterType | undefined {
  const found = Object.entries(controllerClasses).find(([, name]) => name === controller._type);
  return found?.[0] as AdapterType | undefined;
}

/**
 * What a new VM needs so that a disk can be attached by this adapter type: the key to attach it to and, but for IDE whose
 * controllers are always there, the controller itself.
 */
export function controllerFor(adapterType: AdapterType): {
  readonly key: number;
  readonly change: readonly VimObject<'VirtualDeviceConfigSpec'>[];
} {
  if (adapterType === 'ide') return { key: defaultIdeControllerKey, change: [] };
  return { key: newControllerKey, change: [{ operation: 'add', device: newController(adapterType) }] };
}

function newController(adapterType: Exclude<AdapterType, 'ide'>): VimObject<'VirtualDevice'> {
  const place = { key: newControllerKey, busNumber: 0 };
  switch (adapterType) {
    case 'nvme':
    case 'ahci':
      return { _type: controllerClasses[adapterType], ...place };
    default:
      return { _type: controllerClasses[adapterType], ...place, sharedBus: 'noSharing' };
  }
}

/** The first virtual hardware that has them; what is not here is older than any that is in use. */
const firstHardware: Partial<Record<AdapterType, number>> = { ahci: 10, nvme: 13 };

/** The hardware version a VM with such a controller gets: the one that is asked for, or the first that has it. */
export function hardwareVersionFor(adapterType: AdapterType, hardwareVersion: string): string {
  const first = firstHardware[adapterType] ?? 0;
  return Number(hardwareVersion.replace('vmx-', '')) < first ? `vmx-${first}` : hardwareVersion;
}
