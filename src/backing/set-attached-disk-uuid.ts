import { reconfigure } from '../vim/reconfigure.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { type Backing, readBacking } from './backing.js';
import { hasUuid } from './virtual-disk.js';

/** Gives a backing's attached disk a UUID (`ReconfigVM_Task`). Disks that are no flat files have none. */
export async function setAttachedDiskUuid(
  vim: VimSession,
  { ref, changeVersion, disk: { device } }: Backing,
  uuid: string,
  { signal }: AbortableOptions = {},
): Promise<void> {
  if (device.backing?._type !== 'VirtualDiskFlatVer2BackingInfo') return;
  const edited = { ...device, backing: { ...device.backing, uuid } };
  const spec = {
    ...(changeVersion === undefined ? {} : { changeVersion }),
    deviceChange: [{ operation: 'edit', device: edited } as const],
  };
  const isMade = async (): Promise<boolean> => hasUuid((await readBacking(vim, ref)).disk.uuid, uuid);
  await reconfigure(vim, ref, spec, isMade, { signal });
}
