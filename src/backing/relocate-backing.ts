import { profileField, type StorageProfiles } from '../pbm/storage-profiles.js';
import { isVirtualCenter } from '../vim/managers.js';
import { runTask } from '../vim/run-task.js';
import type { MoRef } from '../vim/schema/index.js';
import { settle } from '../vim/settle.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { type Backing, readBacking } from './backing.js';
import { assertFree, referencesTo } from './file-references.js';
import { datacenterOf } from './inventory.js';
import { placeDisk, type PlacementRules } from './placement.js';

const diskMoveType = 'moveAllDiskBackingsAndDisallowSharing';

/** What a backing needs where it goes. */
export interface RelocationNeeds {
  /** Free space the new datastore must have. */
  readonly neededBytes: number;
  /** The storage policies it has and keeps. */
  readonly profiles: StorageProfiles;
}

/**
 * Moves a backing with its disk to a datastore of its datacenter that has room (`RelocateVM_Task`), and returns it as it is there. Its
 * reference, name and folder stay. A single ESXi host cannot relocate; there is nothing it could do but fail.
 *
 * @throws NoValidDatastoreError where no datastore has the room
 * @throws BackingInUseError where another VM refers to the disk, or may: its file would be gone from where that looks for it
 */
export async function relocateBacking(
  vim: VimSession,
  rules: PlacementRules,
  backing: Backing,
  { neededBytes, profiles }: RelocationNeeds,
  options: AbortableOptions,
): Promise<Backing> {
  const { ref, name, disk } = backing;
  // In another one the paths that the caller knows would mean other files.
  const datacenter = await datacenterOf(vim, ref, options);
  const placement = await placeDisk(vim, { ...rules, datacenter, storageProfile: profiles.disk }, neededBytes, options);
  const { datastore, host, resourcePool } = placement;
  const spec = {
    datastore,
    diskMoveType,
    pool: resourcePool,
    host,
    ...(profiles.disk === undefined
      ? {}
      : { disk: [{ diskId: disk.device.key, datastore, diskMoveType, ...profileField(profiles.disk) }] }),
    ...profileField(profiles.vm),
  };
  assertFree(name, await referencesTo(vim, disk, { ref, hasFile: true }, options), 'relocated');
  await settle(vim, {
    make: () => runTask(vim, 'RelocateVM_Task', ref, { spec }, options),
    on: ref,
    lookUp: async () => isOn(await readBacking(vim, ref), datastore) || undefined,
  });
  return readBacking(vim, ref, options);
}

/** Whether a backing may be relocated when its datastore is full. */
export function canRelocate(vim: VimSession): boolean {
  return isVirtualCenter(vim);
}

function isOn({ disk }: Backing, datastore: MoRef): boolean {
  return disk.datastore.value === datastore.value;
}
