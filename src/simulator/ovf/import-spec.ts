import type { MoRef, VimObject } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import type { ControllerType } from '../inventory/controllers.js';
import { resourceTypes, scsiSubTypes } from './hardware.js';
import type { OvfDescriptor, OvfItem } from './read-descriptor.js';

/** What a VM is to be imported as. */
export interface ImportTarget {
  readonly name: string;
  /** Where its files go, as a datastore path. */
  readonly home: string;
  readonly pool: MoRef;
  /** As `OvfCreateImportSpecParams.diskProvisioning`. */
  readonly provisioning: string;
}

type Change = VimObject<'VirtualDeviceConfigSpec'>;
type FileItem = VimObject<'OvfFileItem'>;

interface Controller {
  readonly key: number;
  readonly type: ControllerType;
  readonly bus: number;
}

const provisionings = ['thin', 'thick', 'eagerZeroedThick', 'monolithicFlat', 'flat'];

/**
 * The specification of the VM that a descriptor describes, and the files that are to be sent for it.
 *
 * @throws Fault OvfUnsupportedDiskProvisioning, OvfUnsupportedType, OvfMissingElement
 */
export function importSpec(
  descriptor: OvfDescriptor,
  target: ImportTarget,
): { importSpec: VimObject<'ImportSpec'>; fileItem: FileItem[] } {
  const { items, guestId, hardwareVersion } = descriptor;
  for (const item of items) requireKnown(item);
  const controllers = new Map(
    items.flatMap((item, index) => {
      const controller = controllerOf(item, index);
      return controller === undefined ? [] : [[item.instanceId, controller] as const];
    }),
  );
  const disks = items
    .filter(({ resourceType }) => resourceType === resourceTypes.disk)
    .map((item, index) => diskOf(descriptor, target, controllers, item, index));
  const quantity = (type: number): number | undefined => items.find((item) => item.resourceType === type)?.quantity;
  const numCPUs = quantity(resourceTypes.processor) ?? 1;
  const memoryMB = quantity(resourceTypes.memory) ?? 32;
  return {
    importSpec: {
      _type: 'VirtualMachineImportSpec',
      configSpec: {
        name: target.name,
        ...(hardwareVersion === undefined ? {} : { version: hardwareVersion }),
        guestId: guestId ?? 'otherGuest',
        files: { vmPathName: target.home },
        numCPUs,
        memoryMB,
        deviceChange: [...[...controllers.values()].flatMap(addition), ...disks.map(({ change }) => change)],
      },
      resPoolEntity: target.pool,
    },
    fileItem: disks.flatMap(({ file }) => file ?? []),
  };
}

/** @throws Fault OvfUnsupportedType */
function requireKnown({ resourceType, subType, optional, name, instanceId }: OvfItem): void {
  const known = (Object.values(resourceTypes) as number[]).includes(resourceType);
  const scsi = resourceType === resourceTypes.scsiController && subType !== undefined;
  if (known ? !scsi || Object.hasOwn(scsiSubTypes, subType) : optional) return;
  throw fault(
    'OvfUnsupportedType',
    { name, instanceId, deviceType: resourceType },
    `The simulator has no hardware such as ${name}`,
  );
}

function controllerOf({ resourceType, subType = 'lsilogic', address }: OvfItem, index: number): Controller | undefined {
  switch (resourceType) {
    case resourceTypes.ideController:
      return { key: 200 + address, type: 'VirtualIDEController', bus: address };
    case resourceTypes.scsiController:
      return { key: -100 - index, type: scsiSubTypes[subType] ?? 'VirtualLsiLogicController', bus: address };
    default:
      return undefined;
  }
}

/** The change that adds a controller. IDE controllers are there in every VM. */
function addition({ key, type, bus }: Controller): Change[] {
  if (type === 'VirtualIDEController') return [];
  return [{ operation: 'add', device: { _type: type, key, busNumber: bus, sharedBus: 'noSharing' } }];
}

function diskOf(
  { disks }: OvfDescriptor,
  { name, provisioning }: ImportTarget,
  controllers: ReadonlyMap<string, Controller>,
  { instanceId, parent = '', addressOnParent = 0, diskId = '', resourceType }: OvfItem,
  index: number,
): { change: Change; file: FileItem | undefined } {
  const controller = controllers.get(parent);
  const disk = disks.get(diskId);
  if (controller === undefined || disk === undefined) {
    const lacking = controller === undefined ? `Item ${parent}` : `Disk ${diskId}`;
    throw fault('OvfMissingElement', { lineNumber: 1, name: lacking }, `Item ${instanceId} needs ${lacking}`);
  }
  if (!provisionings.includes(provisioning)) {
    throw fault(
      'OvfUnsupportedDiskProvisioning',
      { diskProvisioning: provisioning, supportedDiskProvisioning: provisionings.join() },
      `There are no disks of type ${provisioning}`,
    );
  }
  const change: Change = {
    operation: 'add',
    fileOperation: 'create',
    device: {
      _type: 'VirtualDisk',
      key: -200 - index,
      backing: {
        _type: 'VirtualDiskFlatVer2BackingInfo',
        fileName: '',
        diskMode: 'persistent',
        thinProvisioned: provisioning === 'thin',
        eagerlyScrub: provisioning === 'eagerZeroedThick',
      },
      controllerKey: controller.key,
      unitNumber: addressOnParent,
      capacityInKB: Math.ceil(disk.capacityBytes / 1024),
    },
  };
  if (disk.file === undefined) return { change, file: undefined };
  const { path, sizeBytes } = disk.file;
  const file: FileItem = {
    deviceId: `/${name}/${controller.type}${controller.bus}:${addressOnParent}`,
    path,
    ...(sizeBytes === undefined ? {} : { size: sizeBytes }),
    cimType: resourceType,
    create: false,
  };
  return { change, file };
}
