import { managerOf } from '../backing/managers.js';
import { isVimFault, VolumeBusyError } from '../errors/index.js';
import { readJournal, temporaryVmName, type RestoreJournal } from '../journal/restore-journal.js';
import { readProperties } from '../vim/property-collector.js';
import { runTask, taskResult } from '../vim/run-task.js';
import type { MoRef } from '../vim/schema/index.js';
import { settle } from '../vim/settle.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import type { ParsedVolume } from '../volume.js';

/** How often a temporary VM that something is still being done to is waited for. */
const patience = 3;
/** How long each wait for it may take. */
const patienceMs = 10_000;

/** A restore's temporary VM, as it is now. */
export interface TemporaryVm {
  readonly ref: MoRef;
  readonly name: string;
  readonly journal: RestoreJournal;
}

/** Reads a VM as a temporary one; `undefined` where it is gone, or carries no journal of this library. */
export async function readTemporaryVm(vim: VimSession, ref: MoRef): Promise<TemporaryVm | undefined> {
  try {
    const vm = await readProperties(vim, ref, 'VirtualMachine', ['name', 'config.extraConfig']);
    const journal = readJournal(vm['config.extraConfig']);
    return journal && { ref, name: vm.name, journal };
  } catch (error) {
    if (isVimFault(error, 'ManagedObjectNotFound')) return undefined;
    throw error;
  }
}

/** The temporary VM of a restore of this volume, whoever runs it. */
export async function findTemporaryVm(
  vim: VimSession,
  folder: MoRef,
  volumeId: string,
  options: AbortableOptions = {},
): Promise<TemporaryVm | undefined> {
  const args = { entity: folder, name: temporaryVmName(volumeId) };
  const ref = await vim.invoke('FindChild', managerOf(vim, 'searchIndex'), args, options);
  return ref === undefined ? undefined : readTemporaryVm(vim, ref);
}

/** @throws VolumeBusyError where a restore of the volume is under way, or died and was not recovered yet */
export async function assertNoTemporaryVm(
  vim: VimSession,
  folder: MoRef,
  volume: ParsedVolume,
  options: AbortableOptions,
): Promise<void> {
  const temporary = await findTemporaryVm(vim, folder, volume.id, options);
  if (temporary !== undefined) throw busyError(temporary.journal);
}

/** What to tell somebody who comes second. */
export function busyError({ volumeId, owner, startedAt }: Pick<RestoreJournal, 'volumeId' | 'owner' | 'startedAt'>) {
  return new VolumeBusyError(
    `a restore of volume ${volumeId} began at ${startedAt} (${owner}); if that process is dead, call recover()`,
    { retryable: true },
  );
}

/** Destroys a temporary VM, with whatever disk is still attached to it. One that is gone is no error. */
export async function destroyTemporaryVm(vim: VimSession, ref: MoRef): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await settle(vim, {
        make: () => runTask(vim, 'Destroy_Task', ref, {}),
        on: ref,
        lookUp: async () => (await readTemporaryVm(vim, ref)) === undefined || undefined,
      });
      return;
    } catch (error) {
      if (isVimFault(error, 'ManagedObjectNotFound')) return;
      // The end of its lease may be removing it at this moment.
      if (!isVimFault(error, 'TaskInProgress') || attempt === patience) throw error;
      await taskEnd(vim, error.detail['task'] as MoRef | undefined);
    }
  }
}

/** Waits for what stands in the way, well or not; a lease nobody ends any more lasts until its timeout. */
async function taskEnd(vim: VimSession, task: MoRef | undefined): Promise<void> {
  if (task === undefined) return;
  const signal = AbortSignal.timeout(patienceMs);
  await taskResult(vim, task, 'TaskInProgress', { signal }).catch(() => undefined);
}
