import type { MoRef, VimObject } from '../../vim/schema/index.js';
import type { DiskFile, DiskParent } from '../storage/disk-file.js';
import { type ControllerDevice, describeController } from './controllers.js';
import type { Datastore } from './datastore.js';
import { shownFile } from './disk-chain.js';
import type { DiskSettings } from './disk-settings.js';

/** Types of what backs a disk: a flat file is all that the simulator has, and others may be shown. */
export const diskBackingTypes = [
  'VirtualDiskFlatVer2BackingInfo',
  'VirtualDiskSeSparseBackingInfo',
  'VirtualDiskRawDiskMappingVer1BackingInfo',
] as const;
export type DiskBackingType = (typeof diskBackingTypes)[number];

/** A disk of a VM. It names its file by where it is: another file may lie there by now, or none. */
export interface DiskDevice {
  readonly kind: 'disk';
  readonly key: number;
  readonly controllerKey: number;
  readonly unitNumber: number;
  readonly datastore: Datastore;
  /** Of its file, within the datastore. */
  readonly path: string;
  /** The file it was attached with: what a server goes on showing when that is gone. */
  readonly lastFile: DiskFile;
  /** How the device says what it is backed by. */
  readonly backingType: DiskBackingType;
  readonly diskMode: string;
  readonly settings: DiskSettings;
  /** Id of its storage policy: one of the device, not of the file. */
  readonly storageProfile: string | undefined;
}

export type Device = ControllerDevice | DiskDevice;

/** A device as clients see it. @param namesDatastores - whether the server knows what the datastores of the VM's disks are */
export function describeDevice(
  device: Device,
  all: readonly Device[],
  namesDatastores: boolean,
): VimObject<'VirtualDevice'> {
  return device.kind === 'controller' ? describeController(device, all) : describeDisk(device, namesDatastores);
}

function describeDisk(device: DiskDevice, namesDatastores: boolean): VimObject<'VirtualDisk'> {
  const { key, controllerKey, unitNumber, settings } = device;
  const file = shownFile(device);
  return {
    _type: 'VirtualDisk',
    key,
    backing: describeBacking(device, file, namesDatastores),
    controllerKey,
    unitNumber,
    capacityInKB: Math.floor(file.capacityBytes / 1024),
    capacityInBytes: file.capacityBytes,
    ...settings.device,
  };
}

function describeBacking(
  { datastore, path, backingType, diskMode, settings }: DiskDevice,
  file: DiskFile,
  namesDatastores: boolean,
): NonNullable<VimObject<'VirtualDisk'>['backing']> {
  const { parent } = file;
  const place = namesDatastores
    ? { fileName: datastore.pathTo(path), datastore: datastore.ref }
    : { fileName: datastore.hostPathTo(path) };
  const common = { ...place, diskMode };
  const chain = { ...common, ...(parent && { parent: namesOf(parent) }) };
  switch (backingType) {
    case 'VirtualDiskSeSparseBackingInfo':
      return { _type: backingType, ...chain };
    case 'VirtualDiskRawDiskMappingVer1BackingInfo':
      return { _type: backingType, ...chain };
    case 'VirtualDiskFlatVer2BackingInfo':
      return {
        _type: backingType,
        ...common,
        ...form(file),
        ...settings.backing,
        ...(parent && { parent: describeParent(parent), deltaDiskFormat: 'redoLogFormat' }),
      };
  }
}

/** What a parent of any type has. */
interface ParentNames {
  readonly fileName: string;
  readonly datastore: MoRef;
  readonly diskMode: string;
  readonly parent?: ParentNames;
}

function namesOf({ file: { parent }, datastore, path }: DiskParent): ParentNames {
  const names = { fileName: datastore.pathTo(path), datastore: datastore.ref, diskMode: 'persistent' };
  return parent === undefined ? names : { ...names, parent: namesOf(parent) };
}

function describeParent({ file, datastore, path }: DiskParent): VimObject<'VirtualDiskFlatVer2BackingInfo'> {
  return {
    fileName: datastore.pathTo(path),
    datastore: datastore.ref,
    diskMode: 'persistent',
    ...form(file),
    ...(file.parent === undefined ? {} : { parent: describeParent(file.parent) }),
  };
}

function form({ provisioning, uuid }: DiskFile) {
  return { thinProvisioned: provisioning === 'thin', eagerlyScrub: provisioning === 'eagerZeroedThick', uuid };
}
