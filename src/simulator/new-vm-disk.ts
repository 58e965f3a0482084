import type { VimObject } from '../vim/schema/index.js';
import { busOf, type ControllerType } from './inventory/controllers.js';
import type { DiskBackingType } from './inventory/devices.js';
import type { Provisioning } from './storage/disk-file.js';

/** A disk of a VM that is put into the inventory without any call. */
export interface NewVmDisk {
  /** @defaultValue that of the file, where one is named by `path` or `parent` */
  readonly capacityBytes?: number | undefined;
  /** @defaultValue `thin` */
  readonly provisioning?: Provisioning | undefined;
  /** The controller it hangs on. @defaultValue `lsiLogic` */
  readonly adapterType?: keyof typeof controllers | undefined;
  /** @defaultValue a new one; that of the file, where there is one already */
  readonly uuid?: string | undefined;
  /** @defaultValue the first that is free */
  readonly unitNumber?: number | undefined;
  /** @defaultValue `persistent` */
  readonly diskMode?: string | undefined;
  /** As what the device shows it; whatever that is, it is a flat file. @defaultValue `flat` */
  readonly backing?: keyof typeof backings | undefined;
  /** Datastore path of a file that is there already, be it another VM's. @defaultValue a new file */
  readonly path?: string | undefined;
  /** Datastore path of the disk that the new file is built on. @defaultValue none */
  readonly parent?: string | undefined;
  /** Whether other VMs may have it open too. @defaultValue false */
  readonly multiWriter?: boolean | undefined;
}

const controllers = {
  lsiLogic: 'VirtualLsiLogicController',
  busLogic: 'VirtualBusLogicController',
  lsiLogicsas: 'VirtualLsiLogicSASController',
  paraVirtual: 'ParaVirtualSCSIController',
  ide: 'VirtualIDEController',
  sata: 'VirtualAHCIController',
  nvme: 'VirtualNVMEController',
} as const satisfies Record<string, ControllerType>;

const backings = {
  flat: 'VirtualDiskFlatVer2BackingInfo',
  seSparse: 'VirtualDiskSeSparseBackingInfo',
  rawDiskMapping: 'VirtualDiskRawDiskMappingVer1BackingInfo',
} as const satisfies Record<string, DiskBackingType>;

type Change = VimObject<'VirtualDeviceConfigSpec'>;

/** The type of controller that a disk is to hang on. */
export function controllerTypeOf({ adapterType = 'lsiLogic' }: NewVmDisk): ControllerType {
  return controllers[adapterType];
}

/**
 * What makes a VM's disks, each type of controller once.
 *
 * @param controllerKey - of the controller they are to hang on @defaultValue new ones
 */
export function diskChanges(disks: readonly NewVmDisk[], profile: Change['profile'], controllerKey?: number): Change[] {
  const types = controllerKey === undefined ? [...new Set(disks.map(controllerTypeOf))] : [];
  const added = types.filter((type) => type !== 'VirtualIDEController');
  const keys = new Map<ControllerType, number>(added.map((type, index) => [type, -100 - index]));
  return [
    ...added.map((type): Change => ({ operation: 'add', device: controller(type, keys.get(type) ?? 0, added) })),
    ...disks.map((disk, index): Change => {
      const key = controllerKey ?? keys.get(controllerTypeOf(disk)) ?? 200;
      return {
        operation: 'add',
        ...(disk.path === undefined ? { fileOperation: 'create' } : {}),
        device: { key: -200 - index, controllerKey: key, ...device(disk) },
        ...(profile === undefined ? {} : { profile }),
      };
    }),
  ];
}

/** Types that make one kind of bus have it one after the other. */
function controller(
  type: Exclude<ControllerType, 'VirtualIDEController'>,
  key: number,
  all: readonly ControllerType[],
): Change['device'] {
  const busNumber = all.slice(0, all.indexOf(type)).filter((other) => busOf(other) === busOf(type)).length;
  const common = { key, busNumber };
  if (type === 'VirtualAHCIController' || type === 'VirtualNVMEController') return { _type: type, ...common };
  return { _type: type, ...common, sharedBus: 'noSharing' };
}

function device(disk: NewVmDisk) {
  const { capacityBytes = 0, provisioning = 'thin', uuid, unitNumber, path = '', parent, multiWriter = false } = disk;
  const { diskMode = 'persistent', backing = 'flat' } = disk;
  return {
    _type: 'VirtualDisk',
    backing: {
      _type: backings[backing],
      fileName: path,
      diskMode,
      thinProvisioned: provisioning === 'thin',
      eagerlyScrub: provisioning === 'eagerZeroedThick',
      ...(uuid === undefined ? {} : { uuid }),
      ...(parent === undefined ? {} : { parent: { fileName: parent, diskMode } }),
      ...(multiWriter ? { sharing: 'sharingMultiWriter' } : {}),
    },
    ...(unitNumber === undefined ? {} : { unitNumber }),
    capacityInKB: Math.floor(capacityBytes / 1024),
    capacityInBytes: capacityBytes,
  } as const;
}
