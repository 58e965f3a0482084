import { managerOf } from '../vim/managers.js';
import { isVimFault, VolumeBusyError } from '../errors/index.js';
import { readJournal, temporaryVmName, temporaryVmUuid, type RestoreJournal } from '../journal/restore-journal.js';
import { readProperties } from '../vim/property-collector.js';
import { runTask, taskResult } from '../vim/run-task.js';
import type { MoRef } from '../vim/schema/index.js';
import { settle } from '../vim/settle.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import type { ParsedVolume } from '../model/volume.js';

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
export async function readTemporaryVm(
  vim: VimSession,
  ref: MoRef,
  options?: AbortableOptions,
): Promise<TemporaryVm | undefined> {
  try {
    const vm = await readProperties(vim, ref, 'VirtualMachine', ['name', 'config.extraConfig'], options);
    const journal = readJournal(vm['config.extraConfig']);
    return journal && { ref, name: vm.name, journal };
  } catch (error) {
    if (isVimFault(error, 'ManagedObjectNotFound')) return undefined;
    throw error;
  }
}

/** Every temporary VM of this library on the server, whoever made it and wherever it lies. */
export async function listTemporaryVms(vim: VimSession, options?: AbortableOptions): Promise<TemporaryVm[]> {
  const query = { uuid: temporaryVmUuid, vmSearch: true, instanceUuid: false };
  const refs = (await vim.invoke('FindAllByUuid', managerOf(vim, 'searchIndex'), query, options)) ?? [];
  const vms = await Promise.all(refs.map((ref) => readTemporaryVm(vim, ref, options)));
  return vms.filter((vm) => vm !== undefined);
}

/**
 * To be asked before anything is created: a restore to a new volume has only its temporary VM to be seen by.
 *
 * @throws VolumeBusyError where a restore of the volume is under way, or died and was not recovered yet
 */
export async function assertNoTemporaryVm(
  vim: VimSession,
  volume: ParsedVolume,
  options: AbortableOptions,
): Promise<void> {
  const temporary = (await listTemporaryVms(vim, options)).find(({ name, journal }) => {
    return journal.volumeId === volume.id && name === temporaryVmName(volume.id);
  });
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
