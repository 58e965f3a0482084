import { listVirtualMachineNames } from '../backing/inventory.js';
import { findVolumeRoots } from '../backing/volume-folder.js';
import { isTemporaryVmName } from '../journal/operation-names.js';
import { readJournal, temporaryVmName, temporaryVmUuid, type RestoreJournal } from '../journal/restore-journal.js';
import { managerOf } from '../vim/managers.js';
import { readPropertiesOfEach } from '../vim/property-collector.js';
import type { MoRef } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import type { ParsedVolume } from '../model/volume.js';
import { busyError } from './busy-error.js';

/** A temporary VM, as far as finding it told. */
export interface FoundTemporaryVm {
  readonly ref: MoRef;
  readonly name: string;
  readonly journal: RestoreJournal;
}

/** Every temporary VM that has the UUID they are all given, whoever made it and wherever it lies. */
export async function findTemporaryVms(vim: VimSession, options: AbortableOptions = {}): Promise<FoundTemporaryVm[]> {
  const query = { uuid: temporaryVmUuid, vmSearch: true, instanceUuid: false };
  const refs = (await vim.invoke('FindAllByUuid', managerOf(vim, 'searchIndex'), query, options)) ?? [];
  return withJournals(vim, refs, options);
}

/**
 * Every temporary VM on the server: also those in the volumes' folders that did not keep the UUID which their import gave
 * them, and were not given it since.
 */
export async function listTemporaryVms(vim: VimSession, options: AbortableOptions = {}): Promise<FoundTemporaryVm[]> {
  const byUuid = await findTemporaryVms(vim, options);
  const known = new Set(byUuid.map(({ ref }) => ref.value));
  const named: MoRef[] = [];
  for (const folder of await findVolumeRoots(vim, options)) {
    for await (const { ref, name } of listVirtualMachineNames(vim, folder, options)) {
      if (isTemporaryVmName(name) && !known.has(ref.value)) named.push(ref);
    }
  }
  return [...byUuid, ...(await withJournals(vim, named, options))];
}

/** The temporary VM of an operation, in its folder or by its UUID; `undefined` where there is none to be seen. */
export async function findTemporaryVmOf(
  vim: VimSession,
  { operation, volumeId }: Pick<RestoreJournal, 'operation' | 'volumeId'>,
  folder: MoRef,
): Promise<FoundTemporaryVm | undefined> {
  const args = { entity: folder, name: temporaryVmName(volumeId) };
  const child = await vim.invoke('FindChild', managerOf(vim, 'searchIndex'), args);
  const named = child?.type === 'VirtualMachine' ? await withJournals(vim, [child], {}) : [];
  const all = [...named, ...(await findTemporaryVms(vim))];
  return all.find(({ journal }) => journal.operation === operation);
}

/**
 * To be asked before anything is created: a restore to a new volume has only its temporary VM to be seen by.
 *
 * @throws VolumeBusyError where a restore of the volume is under way, or died and was not recovered yet
 */
export async function assertNoTemporaryVm(
  vim: VimSession,
  volume: Pick<ParsedVolume, 'id'>,
  options: AbortableOptions,
): Promise<void> {
  const found = (await findTemporaryVms(vim, options)).find(
    ({ name, journal }) => journal.volumeId === volume.id && name === temporaryVmName(volume.id),
  );
  if (found !== undefined) throw await busyError(vim, found.ref, volume.id, options);
}

async function withJournals(
  vim: VimSession,
  refs: readonly MoRef[],
  options: AbortableOptions,
): Promise<FoundTemporaryVm[]> {
  const { found } = await readPropertiesOfEach(vim, refs, 'VirtualMachine', ['name', 'config.extraConfig'], options);
  return found.flatMap(({ ref, properties }) => {
    const journal = readJournal(properties['config.extraConfig']);
    return journal === undefined ? [] : [{ ref, name: properties.name, journal }];
  });
}
