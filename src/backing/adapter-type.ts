import type { AdapterType } from '../model/disk-kinds.js';
import type { VimObject } from '../vim/schema/index.js';

/** The vim25 controller class of each adapter type (Cinder's `VirtualDiskAdapterType`). */
const controllerClasses = {
  lsiLogic: 'VirtualLsiLogicController',
  busLogic: 'VirtualBusLogicController',
  lsiLogicsas: 'VirtualLsiLogicSASController',
  paraVirtual: 'ParaVirtualSCSIController',
  ide: 'VirtualIDEController',
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
  return {
    key: newControllerKey,
    change: [
      {
        operation: 'add',
        device: {
          _type: controllerClasses[adapterType],
          key: newControllerKey,
          busNumber: 0,
          sharedBus: 'noSharing',
        },
      },
    ],
  };
}
