import type { VimObject } from '../../vim/schema/index.js';
import type { DiskFile, DiskParent } from '../storage/disk-file.js';
import { type ControllerDevice, describeController } from './controllers.js';
import type { Datastore } from './datastore.js';
import { shownFile } from './disk-chain.js';
import type { DiskSettings } from './disk-settings.js';

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
  readonly diskMode: string;
  readonly settings: DiskSettings;
  /** Id of its storage policy: one of the device, not of the file. */
  readonly storageProfile: string | undefined;
}

export type Device = ControllerDevice | DiskDevice;

/** A device as clients see it. */
export function describeDevice(device: Device, all: readonly Device[]): VimObject<'VirtualDevice'> {
  return device.kind === 'controller' ? describeController(device, all) : describeDisk(device);
}

function describeDisk(device: DiskDevice): VimObject<'VirtualDisk'> {
  const { key, controllerKey, unitNumber, datastore, path, diskMode, settings } = device;
  const file = shownFile(device);
  const { parent } = file;
  return {
    _type: 'VirtualDisk',
    key,
    backing: {
      _type: 'VirtualDiskFlatVer2BackingInfo',
      fileName: datastore.pathTo(path),
      datastore: datastore.ref,
      diskMode,
      ...form(file),
      ...settings.backing,
      ...(parent === undefined ? {} : { parent: describeParent(parent), deltaDiskFormat: 'redoLogFormat' }),
    },
    controllerKey,
    unitNumber,
    capacityInKB: Math.floor(file.capacityBytes / 1024),
    capacityInBytes: file.capacityBytes,
    ...settings.device,
  };
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
