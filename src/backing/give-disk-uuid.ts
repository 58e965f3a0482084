import { runTask } from '../vim/run-task.js';
import { settle } from '../vim/settle.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { readBacking, type Backing } from './backing.js';
import { hasUuid } from './virtual-disk.js';

/** Gives a backing's attached disk a UUID (`ReconfigVM_Task`). Disks that are no flat files have none. */
export async function giveDiskUuid(
  vim: VimSession,
  { ref, disk: { device } }: Backing,
  uuid: string,
  { signal }: AbortableOptions = {},
): Promise<void> {
  if (device.backing?._type !== 'VirtualDiskFlatVer2BackingInfo') return;
  const edited = { ...device, backing: { ...device.backing, uuid } };
  const spec = { deviceChange: [{ operation: 'edit', device: edited }] };
  await settle(vim, {
    make: () => runTask(vim, 'ReconfigVM_Task', ref, { spec }, { signal }),
    on: ref,
    lookUp: async () => hasUuid((await readBacking(vim, ref)).disk.uuid, uuid) || undefined,
  });
}
