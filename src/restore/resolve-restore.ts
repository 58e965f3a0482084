import { randomUUID } from 'node:crypto';
import { extraConfig } from '../backing/vm-config.js';
import { managerOf } from '../vim/managers.js';
import { isVimFault, RestoreError, VimFault } from '../errors/index.js';
import { eraseJournal, temporaryVmName, type DiskReplacement } from '../journal/restore-journal.js';
import { runTask } from '../vim/run-task.js';
import type { MoRef } from '../vim/schema/index.js';
import { runningTasksEnd, settle } from '../vim/settle.js';
import type { VimSession } from '../vim/vim-session.js';
import { exchangeDisk, readAttachedDisks, type DiskSlot } from './attach-disk.js';
import { destroyTemporaryVm, readTemporaryVm, type TemporaryVm } from './temporary-vm.js';
import { deleteDisk } from '../backing/virtual-disk.js';

/** What became of a restore that had not ended: `completed`, the volume has the new disk; `undone`, it is as it was. */
export type Resolution = 'completed' | 'undone';

/**
 * Ends a restore that did not end by itself, whoever began it and wherever it stopped: forward where the volume has its
 * new disk already, back otherwise. It goes by what is attached now and by the paths in the journal, deletes nothing the
 * journal does not name, and may be repeated: a failed restore's undo, the last step of a good one and `recover()` are
 * all this one function.
 *
 * @param onFound told what became of the restore as soon as that is known: what is then removed does not change it
 * @throws RestoreError where the inventory is in a state no restore leaves; then nothing is changed
 */
export async function resolveRestore(
  vim: VimSession,
  temporary: TemporaryVm,
  onFound: (resolution: Resolution) => void = () => undefined,
): Promise<Resolution> {
  await runningTasksEnd(vim, temporary.ref);
  const { replacement } = temporary.journal;
  return replacement === undefined
    ? resolvePublication(vim, temporary, onFound)
    : resolveReplacement(vim, temporary, replacement, onFound);
}

/** A restore to a new volume is done once its temporary VM has the volume's name. */
async function resolvePublication(
  vim: VimSession,
  { ref, name, journal }: TemporaryVm,
  onFound: (resolution: Resolution) => void,
): Promise<Resolution> {
  if (name === temporaryVmName(journal.volumeId)) {
    onFound('undone');
    await destroyTemporaryVm(vim, ref);
    return 'undone';
  }
  onFound('completed');
  // A backing of its own now: it must not be found as a temporary VM any more.
  const spec = { uuid: randomUUID(), extraConfig: extraConfig(eraseJournal()) };
  await settle(vim, {
    make: () => runTask(vim, 'ReconfigVM_Task', ref, { spec }),
    on: ref,
    lookUp: async () => (await readTemporaryVm(vim, ref)) === undefined || undefined,
  });
  return 'completed';
}

/** A disk replacement is done once the backing has the new disk. */
async function resolveReplacement(
  vim: VimSession,
  temporary: TemporaryVm,
  replacement: DiskReplacement,
  onFound: (resolution: Resolution) => void,
): Promise<Resolution> {
  const backing: MoRef = { type: 'VirtualMachine', value: replacement.backing };
  const { oldDisk, newDisk, importedDisk } = replacement;
  await runningTasksEnd(vim, managerOf(vim, 'taskManager'));
  await tasksOfBackingEnd(vim, backing);
  const attached = await pathsAttachedTo(vim, backing);

  if (attached?.length === 0) {
    // Only a server whose reconfigure is not atomic leaves this: the old disk goes back to where it was.
    await putBack(vim, backing, { ...replacement, path: oldDisk });
  }
  const [disk, ...others] = attached ?? [];
  const completed = disk !== undefined && disk === newDisk;
  if (disk !== undefined && (others.length > 0 || !(completed || disk === oldDisk))) {
    throw new RestoreError(
      `the backing of volume ${temporary.journal.volumeId} has ${[disk, ...others].join(', ')} attached where either ` +
        `${oldDisk} or ${newDisk ?? 'nothing else'} should be; nothing was changed`,
    );
  }

  const resolution = completed ? 'completed' : 'undone';
  onFound(resolution);
  // The journal goes last: until then whatever is left can be found by it.
  const datacenter: MoRef = { type: 'Datacenter', value: replacement.datacenter };
  const superfluous = completed ? [oldDisk] : await detachedDisks(vim, temporary.ref, [newDisk, importedDisk]);
  for (const path of superfluous) await deleteDisk(vim, { path, datacenter });
  await destroyTemporaryVm(vim, temporary.ref);
  return resolution;
}

/** Attaches the old disk again. That a volume has its disk matters more than that its storage policy still exists. */
async function putBack(vim: VimSession, backing: MoRef, slot: DiskSlot): Promise<void> {
  try {
    await exchangeDisk(vim, backing, undefined, slot);
  } catch (error) {
    if (slot.storageProfile === undefined || !(error instanceof VimFault)) throw error;
    await exchangeDisk(vim, backing, undefined, { ...slot, storageProfile: undefined });
  }
}

/** An exchange may still be under way whose caller died, or was told otherwise. */
async function tasksOfBackingEnd(vim: VimSession, backing: MoRef): Promise<void> {
  await runningTasksEnd(vim, backing).catch((error: unknown) => {
    if (!isVimFault(error, 'ManagedObjectNotFound')) throw error;
  });
}

/** Of the paths the imported disk may be at, those that will not go with the temporary VM itself. */
async function detachedDisks(
  vim: VimSession,
  temporary: MoRef,
  paths: readonly (string | undefined)[],
): Promise<string[]> {
  const attached = await pathsAttachedTo(vim, temporary);
  return paths.filter((path) => path !== undefined).filter((path) => attached?.includes(path) !== true);
}

/** The paths of a VM's disks; `undefined` where the VM is gone. */
async function pathsAttachedTo(vim: VimSession, ref: MoRef): Promise<string[] | undefined> {
  try {
    return (await readAttachedDisks(vim, ref)).map(({ path }) => path);
  } catch (error) {
    if (isVimFault(error, 'ManagedObjectNotFound')) return undefined;
    throw error;
  }
}
