import { fault } from '../fault.js';
import type { DiskFile } from '../storage/disk-file.js';
import type { Datastore } from './datastore.js';
import type { DiskDevice } from './devices.js';

/** A place in a datastore. */
export interface Place {
  readonly datastore: Datastore;
  /** Within the datastore. */
  readonly path: string;
}

/** The file a device leads to, or undefined where there is none: others may delete or move it. */
export function fileOf({ datastore, path }: DiskDevice): DiskFile | undefined {
  const entry = datastore.files.find(path);
  return entry?.kind === 'disk' ? entry : undefined;
}

/** The file a device leads to or, where it is gone, what a server still knows of it. */
export function shownFile(device: DiskDevice): DiskFile {
  return fileOf(device) ?? device.lastFile;
}

/** Where a disk and all that it is built on are, itself first, whether or not they are still there. */
export function chainOf(device: DiskDevice): Place[] {
  return [device, ...parentsOf(shownFile(device))];
}

/** Where what a disk is built on is, the nearest first. */
export function parentsOf({ parent }: DiskFile): Place[] {
  const places: Place[] = [];
  for (let at = parent; at !== undefined; at = at.file.parent) places.push(at);
  return places;
}

/**
 * Checks that a disk can be read, with all that it is built on.
 *
 * @throws Fault FileNotFound where one of its files is gone or was moved; GenericVmConfigFault where one has another size now
 */
export function requireReadable({ datastore, path }: Place): DiskFile {
  const top = datastore.files.disk(path);
  for (let child = top; child.parent !== undefined; child = child.parent.file) {
    const { parent } = child;
    const found = parent.datastore.files.disk(parent.path);
    if (found !== parent.file || found.capacityBytes !== child.capacityBytes) {
      throw fault(
        'GenericVmConfigFault',
        { reason: 'The parent virtual disk has been modified since the child was created.' },
        `Cannot open ${datastore.pathTo(path)} or one of the disks it depends on`,
      );
    }
  }
  return top;
}
