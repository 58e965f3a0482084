import type { VimObject } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import { parentsOf, type Place, requireReadable } from '../inventory/disk-chain.js';
import type { DiskFile } from '../storage/disk-file.js';
import type { World } from '../world.js';
import { type DiskForm, diskForm } from './disk-form.js';
import { requireUnlocked } from './locks.js';
import { unpackDisk } from './unpack-disk.js';

type DiskSpec = VimObject<'VirtualDiskSpec'>;

/** What a copy makes where it is not told; the API's own words. */
const assumedForm: DiskForm = { provisioning: 'thick', adapterType: 'buslogic' };

/**
 * Makes a disk larger. One that others are built on, or that is built on another, cannot be read any more after that.
 *
 * @throws Fault FileNotFound, FileLocked, InvalidArgument, InvalidState, NoDiskSpace
 */
export async function extendDisk(place: Place, capacityBytes: number, eagerZero: boolean | undefined): Promise<void> {
  const { datastore, path } = place;
  const disk = datastore.files.disk(path);
  requireUnlocked(place);
  if (capacityBytes < disk.capacityBytes) {
    throw fault('InvalidArgument', { invalidProperty: 'newCapacityKb' }, 'A disk cannot shrink');
  }
  if (datastore.files.users.attached(path).some(({ snapshots }) => snapshots.length > 0)) {
    throw fault('InvalidState', {}, 'The disk is part of a snapshot');
  }
  await disk.resize(capacityBytes);
  // Space added without wiping it is not eagerly zeroed, and then neither is the disk.
  if (disk.provisioning === 'eagerZeroedThick' && eagerZero !== true) disk.provisioning = 'thick';
}

/**
 * Deletes a disk: its file and, unless the settings say otherwise, those it is built on, whoever else needs them. The API
 * promises that all files related to it go.
 *
 * @throws Fault FileNotFound, FileLocked
 */
export async function deleteDisk(world: World, place: Place): Promise<void> {
  const disk = place.datastore.files.disk(place.path);
  const parents = world.settings.quirks.deleteParents ? parentsOf(disk) : [];
  for (const doomed of [place, ...parents]) requireUnlocked(doomed);
  await deleteDisksAt(world, [place, ...parents]);
}

/** Deletes the disks at some places; where there is none, nothing. All but the freeing of bytes is done when it returns. */
export async function deleteDisksAt(world: World, places: readonly Place[]): Promise<void> {
  const disks = places.flatMap(({ datastore, path }) => {
    const entry = datastore.files.find(path);
    return entry?.kind === 'disk' ? [entry] : [];
  });
  await Promise.all([...new Set(disks)].map((disk) => world.deleteDisk(disk)));
}

/** Moves a disk. @throws Fault FileNotFound, FileLocked, FileAlreadyExists, NoDiskSpace */
export async function moveDisk(world: World, from: Place, to: Place, force: boolean): Promise<void> {
  const disk = from.datastore.files.disk(from.path);
  requireUnlocked(from);
  await makeWay(world, to, force, disk);
  from.datastore.files.move(from.path, to.datastore.files, to.path);
  world.registry.changed();
}

/** Copies a disk; into another form where a spec says so. @throws Fault FileNotFound, FileLocked, FileAlreadyExists, NoDiskSpace */
export async function copyDisk(
  world: World,
  from: Place,
  to: Place,
  { spec, force }: { readonly spec: DiskSpec | undefined; readonly force: boolean },
): Promise<void> {
  const form = spec && diskForm(spec);
  const uploaded = from.datastore.files.find(from.path);
  if (uploaded?.kind === 'file' && uploaded.content !== undefined) {
    await makeWay(world, to, force);
    await unpackDisk(world, { source: uploaded.content, from }, to, form ?? assumedForm);
    return;
  }
  const source = requireReadable(from);
  requireUnlocked(from);
  await makeWay(world, to, force, source);
  const { capacityBytes, provisioning, adapterType } = source;
  const copy = world.newDisk({ capacityBytes, ...(form ?? { provisioning, adapterType }) });
  to.datastore.files.requireSpace(source.raw.allocatedBytes, to.path);
  to.datastore.files.addDisk(to.path, copy);
  try {
    await copy.raw.copyFrom(source.raw);
  } catch (error) {
    await world.deleteDisk(copy);
    throw error;
  }
  world.registry.changed();
}

/** Creates an empty disk. @throws Fault InvalidArgument, FileAlreadyExists, FileNotFound, NoDiskSpace */
export function createDisk(world: World, { datastore, path }: Place, spec: DiskSpec): void {
  if (spec._type !== 'FileBackedVirtualDiskSpec' || spec.capacityKb <= 0) {
    throw fault(
      'InvalidArgument',
      { invalidProperty: 'spec' },
      'The spec must be a FileBackedVirtualDiskSpec with a capacity',
    );
  }
  const { capacityKb } = spec;
  datastore.files.addDisk(path, world.newDisk({ capacityBytes: capacityKb * 1024, ...diskForm(spec) }));
  world.registry.changed();
}

async function makeWay(world: World, place: Place, force: boolean, except?: DiskFile): Promise<void> {
  const there = place.datastore.files.find(place.path);
  if (!force || there?.kind !== 'disk' || there === except) return;
  requireUnlocked(place);
  await world.deleteDisk(there);
}
