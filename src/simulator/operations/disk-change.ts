import type { VimObject } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import { type ControllerDevice, descriptorAdapter, diskKey, unitsOf } from '../inventory/controllers.js';
import { type DiskBackingType, diskBackingTypes, type DiskDevice } from '../inventory/devices.js';
import { type Place, requireReadable, shownFile } from '../inventory/disk-chain.js';
import { defaultDiskSettings, isShared, settingsAfter } from '../inventory/disk-settings.js';
import { baseName, directoryOf, joinPath } from '../storage/datastore-path.js';
import type { DiskParent, Provisioning } from '../storage/disk-file.js';
import { parseDiskUuid } from '../storage/disk-uuid.js';
import { type DevicePlan, invalidDevice } from './device-plan.js';
import { deleteDisksAt } from './disks.js';
import { locate } from './locate.js';
import { requireUnlocked } from './locks.js';

type Change = VimObject<'VirtualDeviceConfigSpec'>;
type DiskSpec = Extract<VimObject<'VirtualDevice'>, { readonly _type: 'VirtualDisk' }>;
type Backing = Extract<VimObject<'VirtualDeviceBackingInfo'>, { readonly _type: 'VirtualDiskFlatVer2BackingInfo' }>;

/**
 * Plans a change of a disk.
 *
 * @throws Fault InvalidDeviceSpec, FileNotFound, FileLocked, FileAlreadyExists, NoDiskSpace, InvalidPowerState, InvalidState
 */
export function planDisk(plan: DevicePlan, change: Change, spec: DiskSpec, index: number): void {
  switch (change.operation) {
    case 'add':
      addDisk(plan, change, spec, index);
      return;
    case 'remove':
      removeDisk(plan, change, spec, index);
      return;
    case 'edit':
      editDisk(plan, change, spec, index);
      return;
    default:
      throw invalidDevice(index, 'operation', `operation ${change.operation ?? '(none)'} is not known`);
  }
}

function addDisk(plan: DevicePlan, change: Change, spec: DiskSpec, index: number): void {
  const backing = backingOf(spec, index);
  const diskMode = diskModeOf(backing, index);
  const controller = controllerFor(plan, spec, index);
  const unitNumber = freeUnit(plan, controller, spec.unitNumber, index);
  const place = {
    key: diskKey(controller, unitNumber),
    controllerKey: controller.key,
    unitNumber,
    backingType: diskBackingTypes.find((type) => type === spec.backing?._type) ?? backing._type,
    diskMode,
    settings: settingsAfter(defaultDiskSettings, spec, backing),
    storageProfile: plan.context.world.storagePolicies.after(undefined, change.profile),
  };
  const attached =
    change.fileOperation === 'create'
      ? createFile(plan, spec, backing, controller, index)
      : change.fileOperation === undefined
        ? existingFile(plan, spec, backing, index)
        : undefined;
  if (attached === undefined)
    throw invalidDevice(index, 'fileOperation', `${change.fileOperation ?? ''} does not go with add`);
  plan.devices = [...plan.devices, { kind: 'disk', ...place, ...attached }];
}

function createFile(plan: DevicePlan, spec: DiskSpec, backing: Backing, controller: ControllerDevice, index: number) {
  const { world } = plan.context;
  const parent = backing.parent && parentOf(plan, backing.parent);
  const capacityBytes = capacityOf(spec, index) || (parent?.file.capacityBytes ?? 0);
  if (capacityBytes <= 0) throw invalidDevice(index, 'device.capacityInKB', 'a new disk needs a capacity');
  if (parent !== undefined && capacityBytes !== parent.file.capacityBytes) {
    throw invalidDevice(index, 'device.capacityInKB', `the parent's capacity is ${parent.file.capacityBytes} bytes`);
  }
  const { datastore, path } = placeForNewDisk(plan, backing);
  const provisioning = parent === undefined ? (datastore.files.provisioning ?? provisioningOf(backing)) : 'thin';
  const adapterType = descriptorAdapter(controller.type);
  const file = world.newDisk({ capacityBytes, provisioning, adapterType, uuid: uuidOf(backing, index), parent });
  plan.reserve(datastore.files, file.spaceUsed, path);
  plan.taken.add(datastore.pathTo(path));
  plan.effects.push(() => {
    datastore.files.addDisk(path, file);
  });
  return { lastFile: file, datastore, path };
}

/** What a new disk is to be built on. */
function parentOf({ context: { world, datacenter } }: DevicePlan, { fileName }: Omit<Backing, '_type'>): DiskParent {
  const place = locate(world, fileName, datacenter);
  return { ...place, file: requireReadable(place) };
}

/** Where a disk to be created goes: the place it names, or one beside the VM's configuration. */
function placeForNewDisk(plan: DevicePlan, { fileName }: Backing): Place {
  const { world, datacenter, home } = plan.context;
  const named = fileName === '' ? { datastore: home.datastore, path: '' } : locate(world, fileName, datacenter);
  const { datastore } = named;
  if (named.path !== '') {
    if (!named.path.endsWith('.vmdk')) {
      throw fault('InvalidDatastorePath', { datastorePath: fileName }, `"${fileName}" is no name of a disk`);
    }
    if (datastore.files.find(named.path) !== undefined || plan.taken.has(datastore.pathTo(named.path))) {
      throw fault('FileAlreadyExists', { file: fileName }, `${fileName} already exists`);
    }
    if (datastore.files.find(directoryOf(named.path)) === undefined) {
      throw fault('FileNotFound', { file: fileName }, `The folder of ${fileName} was not found`);
    }
    return named;
  }
  if (datastore !== home.datastore && datastore.files.find(home.directory) === undefined) {
    plan.effects.push(() => {
      if (datastore.files.find(home.directory) === undefined) datastore.files.makeDirectory(home.directory, true);
    });
  }
  const stem = baseName(home.vmx).replace(/\.vmx$/, '');
  for (let n = 0; ; n++) {
    const path = joinPath(home.directory, `${stem}${n === 0 ? '' : `_${n}`}.vmdk`);
    if (datastore.files.find(path) === undefined && !plan.taken.has(datastore.pathTo(path))) return { datastore, path };
  }
}

function existingFile(plan: DevicePlan, spec: DiskSpec, backing: Backing, index: number) {
  const { world, datacenter, vm } = plan.context;
  const place = locate(world, backing.fileName, datacenter);
  const { datastore, path } = place;
  const file = requireReadable(place);
  // Any number of VMs may have one disk, as long as none of the others runs.
  if (!isShared({ settings: settingsAfter(defaultDiskSettings, spec, backing) })) requireUnlocked(place, vm);
  if (plan.devices.some((device) => device.kind === 'disk' && shownFile(device) === file)) {
    throw fault(
      'FileLocked',
      { file: backing.fileName },
      `Unable to access file ${backing.fileName} since it is locked`,
    );
  }
  const capacityBytes = capacityOf(spec, index);
  if (capacityBytes !== 0 && Math.floor(capacityBytes / 1024) !== Math.floor(file.capacityBytes / 1024)) {
    throw invalidDevice(index, 'device.capacityInKB', `the file's capacity is ${file.capacityBytes} bytes`);
  }
  const uuid = uuidOf(backing, index);
  if (uuid !== undefined && uuid !== file.uuid) {
    plan.effects.push(() => {
      file.uuid = uuid;
    });
  }
  return { lastFile: file, datastore, path };
}

function removeDisk(plan: DevicePlan, { fileOperation }: Change, spec: DiskSpec, index: number): void {
  const disk = findDisk(plan, spec, index);
  if (fileOperation !== undefined && fileOperation !== 'destroy') {
    throw invalidDevice(index, 'fileOperation', `${fileOperation} does not go with remove`);
  }
  const keepsFile = fileOperation === undefined;
  requireDetachable(plan, keepsFile);
  if (!keepsFile) {
    const { vm, world } = plan.context;
    requireUnlocked(disk, vm);
    plan.effects.push(() => deleteDisksAt(world, [disk]));
  }
  plan.devices = plan.devices.filter((device) => device !== disk);
}

function editDisk(plan: DevicePlan, { fileOperation, profile }: Change, spec: DiskSpec, index: number): void {
  const disk = findDisk(plan, spec, index);
  const { datastore, path } = disk;
  const file = shownFile(disk);
  if (fileOperation !== undefined)
    throw invalidDevice(index, 'fileOperation', `${fileOperation} does not go with edit`);
  const backing = spec.backing && backingOf(spec, index);
  if (backing !== undefined) {
    if (backing.fileName !== '' && backing.fileName !== datastore.pathTo(path)) {
      throw invalidDevice(index, 'device.backing.fileName', 'a disk cannot be exchanged by edit');
    }
    if (backing.thinProvisioned !== undefined && backing.thinProvisioned !== (file.provisioning === 'thin')) {
      throw invalidDevice(index, 'device.backing.thinProvisioned', 'cannot be changed');
    }
    const uuid = uuidOf(backing, index);
    if (uuid !== undefined && uuid !== file.uuid) {
      plan.effects.push(() => {
        file.uuid = uuid;
      });
    }
  }
  const capacityBytes = capacityOf(spec, index);
  if (Math.floor(capacityBytes / 1024) < Math.floor(file.capacityBytes / 1024)) {
    throw invalidDevice(index, 'device.capacityInKB', 'a disk cannot shrink');
  }
  if (capacityBytes > file.capacityBytes && Math.floor(capacityBytes / 1024) > Math.floor(file.capacityBytes / 1024)) {
    requireNoSnapshots(plan);
    if (file.provisioning !== 'thin') plan.reserve(datastore.files, capacityBytes - file.capacityBytes, path);
    plan.effects.push(() => file.resize(capacityBytes));
  }
  const { storagePolicies } = plan.context.world;
  const edited = {
    ...disk,
    diskMode: backing === undefined ? disk.diskMode : diskModeOf(backing, index),
    settings: settingsAfter(disk.settings, spec, backing),
    storageProfile: storagePolicies.after(disk.storageProfile, profile),
  };
  plan.devices = plan.devices.map((device) => (device === disk ? edited : device));
  moveDisk(plan, edited, spec, index);
}

/** Puts a disk on another place of a controller, where the spec says so. */
function moveDisk(plan: DevicePlan, disk: DiskDevice, spec: DiskSpec, index: number): void {
  const sameController = spec.controllerKey === undefined || spec.controllerKey === disk.controllerKey;
  if (sameController && (spec.unitNumber === undefined || spec.unitNumber === disk.unitNumber)) return;
  plan.devices = plan.devices.filter((device) => device !== disk);
  const controller = controllerFor(plan, { ...spec, controllerKey: spec.controllerKey ?? disk.controllerKey }, index);
  const unitNumber = freeUnit(plan, controller, spec.unitNumber, index);
  plan.devices = [
    ...plan.devices,
    { ...disk, key: diskKey(controller, unitNumber), controllerKey: controller.key, unitNumber },
  ];
}

function findDisk(plan: DevicePlan, { key }: DiskSpec, index: number): DiskDevice {
  const disk = plan.devices.find((device) => device.key === key);
  if (disk?.kind !== 'disk') throw invalidDevice(index, 'device.key', `there is no disk ${key}`);
  return disk;
}

function controllerFor(plan: DevicePlan, { controllerKey }: DiskSpec, index: number): ControllerDevice {
  const key = controllerKey === undefined ? undefined : (plan.newKeys.get(controllerKey) ?? controllerKey);
  const controller = plan.devices.find((device) => device.key === key);
  if (controller?.kind !== 'controller') {
    throw invalidDevice(index, 'device.controllerKey', `there is no controller ${controllerKey ?? '(none)'}`);
  }
  return controller;
}

function freeUnit(plan: DevicePlan, controller: ControllerDevice, wanted: number | undefined, index: number): number {
  const used = plan.devices.flatMap((device) =>
    device.kind === 'disk' && device.controllerKey === controller.key ? [device.unitNumber] : [],
  );
  const free = unitsOf(controller).filter((unit) => !used.includes(unit));
  const unit = wanted === undefined ? free[0] : free.find((entry) => entry === wanted);
  if (unit === undefined) throw invalidDevice(index, 'device.unitNumber', `unit ${wanted ?? '(any)'} is not free`);
  return unit;
}

/** What a disk is to be backed by; of whatever type it is said to be, it is a flat file. */
function backingOf({ backing }: DiskSpec, index: number): Backing {
  if (backing?._type === 'VirtualDiskFlatVer2BackingInfo') return backing;
  if (backing === undefined || !isShown(backing) || backing.parent !== undefined) {
    throw invalidDevice(index, 'device.backing', `the simulator knows ${diskBackingTypes.join(', ')} only`);
  }
  const { fileName, datastore, diskMode = 'persistent' } = backing;
  const place = datastore === undefined ? { fileName } : { fileName, datastore };
  return { _type: 'VirtualDiskFlatVer2BackingInfo', ...place, diskMode, thinProvisioned: true };
}

function isShown(
  backing: NonNullable<DiskSpec['backing']>,
): backing is Extract<typeof backing, { readonly _type: DiskBackingType }> {
  return diskBackingTypes.some((type) => type === backing._type);
}

const diskModes = ['persistent', 'independent_persistent', 'independent_nonpersistent'];

function diskModeOf({ diskMode }: Backing, index: number): string {
  if (diskModes.includes(diskMode)) return diskMode;
  throw invalidDevice(index, 'device.backing.diskMode', `diskMode "${diskMode}" is not known`);
}

function uuidOf({ uuid }: Backing, index: number): string | undefined {
  if (uuid === undefined || uuid === '') return undefined;
  const parsed = parseDiskUuid(uuid);
  if (parsed === undefined) throw invalidDevice(index, 'device.backing.uuid', `"${uuid}" is no UUID`);
  return parsed;
}

function provisioningOf({ thinProvisioned, eagerlyScrub }: Backing): Provisioning {
  if (thinProvisioned === true) return 'thin';
  return eagerlyScrub === true ? 'eagerZeroedThick' : 'thick';
}

function capacityOf({ capacityInKB, capacityInBytes }: DiskSpec, index: number): number {
  if (capacityInBytes === undefined) return capacityInKB * 1024;
  if (Math.floor(capacityInBytes / 1024) !== capacityInKB) {
    throw invalidDevice(index, 'device.capacityInBytes', `${capacityInBytes} bytes are not ${capacityInKB} KiB`);
  }
  return capacityInBytes;
}

function requireDetachable(plan: DevicePlan, keepsFile: boolean): void {
  const { vm, world } = plan.context;
  // A host would let a powered-on VM's disk go; nobody who backs up volumes should.
  vm?.requirePoweredOff();
  if (!keepsFile || !world.settings.quirks.detachesUnderSnapshots) requireNoSnapshots(plan);
}

function requireNoSnapshots({ context: { vm } }: DevicePlan): void {
  if ((vm?.snapshots.length ?? 0) > 0) {
    throw fault('InvalidState', {}, 'The operation is not allowed: the virtual machine has snapshots');
  }
}
