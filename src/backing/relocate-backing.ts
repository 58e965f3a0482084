import { profileField, type StorageProfiles } from '../pbm/storage-profiles.js';
import { isVirtualCenter } from '../vim/managers.js';
import { runTask } from '../vim/run-task.js';
import type { MoRef } from '../vim/schema/index.js';
import { settle } from '../vim/settle.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { type Backing, readBacking } from './backing.js';
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
 * Moves a backing with its disk to a datastore that has room (`RelocateVM_Task`), and returns it as it is there. Its
 * reference, name and folder stay. A single ESXi host cannot relocate; there is nothing it could do but fail.
 *
 * @throws NoValidDatastoreError where no datastore has the room
 */
export async function relocateBacking(
  vim: VimSession,
  rules: PlacementRules,
  backing: Backing,
  { neededBytes, profiles }: RelocationNeeds,
  options: AbortableOptions,
): Promise<Backing> {
  const placement = await placeDisk(vim, { ...rules, storageProfile: profiles.disk }, neededBytes, options);
  const { datastore, host, resourcePool } = placement;
  const spec = {
    datastore,
    diskMoveType,
    pool: resourcePool,
    host,
    ...(profiles.disk === undefined
      ? {}
      : { disk: [{ diskId: backing.disk.device.key, datastore, diskMoveType, ...profileField(profiles.disk) }] }),
    ...profileField(profiles.vm),
  };
  await settle(vim, {
    make: () => runTask(vim, 'RelocateVM_Task', backing.ref, { spec }, options),
    on: backing.ref,
    lookUp: async () => isOn(await readBacking(vim, backing.ref), datastore) || undefined,
  });
  return readBacking(vim, backing.ref, options);
}

/** Whether a backing may be relocated when its datastore is full. */
export function canRelocate(vim: VimSession): boolean {
  return isVirtualCenter(vim);
}

function isOn({ disk }: Backing, datastore: MoRef): boolean {
  return disk.datastore.value === datastore.value;
}
