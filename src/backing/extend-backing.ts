import { InvalidInputError, isVimFault } from '../errors/index.js';
import { profilesIfKnown } from '../pbm/profiles-if-known.js';
import { reconfigure } from '../vim/reconfigure.js';
import type { MoRef } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import {
  assertCapacity,
  assertNoParent,
  assertNoSnapshots,
  assertPoweredOff,
  type Backing,
  readBacking,
} from './backing.js';
import type { BackingCreation } from './create-backing.js';
import { assertNotReferred, referencesTo } from './file-references.js';
import { datacenterOf } from './inventory.js';
import { canRelocate, relocateBacking } from './relocate-backing.js';
import { reportProvisioning } from './report-provisioning.js';
import { extendDisk } from './virtual-disk.js';

/**
 * Grows a backing's disk, in its own kind of provisioning. Where its datastore is full, and only then, the backing is
 * relocated to one with room first.
 *
 * @throws InvalidInputError where the disk is larger already
 * @throws BackingInUseError, VolumeHasSnapshotsError, BackingInvalidError where it runs, has snapshots, or is built on another disk
 * @throws BackingInUseError where a disk of another VM is built on it, or it must be relocated and another VM refers to it, or may
 * @throws BackingInvalidError where the disk is not what it should be afterwards
 * @throws NoValidDatastoreError where no datastore has the room
 */
export async function extendBacking(creation: BackingCreation, ref: MoRef, capacityBytes: number): Promise<void> {
  const { vim, config, signal } = creation;
  const backing = await readBacking(vim, ref, { signal });
  assertPoweredOff(backing);
  assertNoSnapshots(backing, 'extended');
  assertNoParent(backing, 'extended');
  if (backing.disk.capacityBytes > capacityBytes) {
    throw new InvalidInputError('newSize', `the disk has ${backing.disk.capacityBytes} bytes; disks do not shrink`);
  }
  if (backing.disk.capacityBytes === capacityBytes) return;
  await assertNoChildren(creation, backing);
  try {
    await grow(creation, backing, capacityBytes);
  } catch (error) {
    if (!isVimFault(error, 'NoDiskSpace') || !canRelocate(vim)) throw error;
    const profiles = await profilesIfKnown(creation, backing);
    const needs = { neededBytes: capacityBytes, profiles };
    const relocated = await relocateBacking(vim, config, backing, needs, { signal });
    await grow(creation, relocated, capacityBytes);
  }
}

/** What is built on a disk cannot be read any more once that has another size; to a VM that only has it that is no harm. */
async function assertNoChildren({ vim, signal }: BackingCreation, { ref, name, disk }: Backing): Promise<void> {
  const { vms } = await referencesTo(vim, disk, { ref, hasFile: true }, { signal });
  assertNotReferred(name, { vms: vms.filter(({ isBuiltOnIt }) => isBuiltOnIt) }, 'extended');
}

async function grow(creation: BackingCreation, before: Backing, capacityBytes: number): Promise<void> {
  const { vim, signal } = creation;
  const { ref, disk } = before;
  const datacenter = await datacenterOf(vim, ref, { signal });
  const { path, provisioning } = disk;
  await extendDisk(vim, { path, datacenter }, capacityBytes, provisioning, { signal });
  let after = await readBacking(vim, ref, { signal });
  if (after.disk.capacityBytes === disk.capacityBytes) {
    await showCapacity(vim, after, capacityBytes, { signal });
    after = await readBacking(vim, ref, { signal });
  }
  assertCapacity(after, capacityBytes);
  reportProvisioning(creation, after.disk, provisioning);
}

/** A server may go on showing the VM's disk as it was before its file grew, as vcsim does: the VM is told. */
async function showCapacity(
  vim: VimSession,
  { ref, disk: { device } }: Backing,
  capacityBytes: number,
  { signal }: AbortableOptions,
): Promise<void> {
  const grown = { ...device, capacityInKB: capacityBytes / 1024, capacityInBytes: capacityBytes };
  const spec = { deviceChange: [{ operation: 'edit', device: grown } as const] };
  const isMade = async (): Promise<boolean> => (await readBacking(vim, ref)).disk.capacityBytes === capacityBytes;
  await reconfigure(vim, ref, spec, isMade, { signal });
}
