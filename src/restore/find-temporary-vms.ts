import { listDatacenters } from '../backing/inventory.js';
import { listVolumeVmNames } from '../backing/volume-folder.js';
import { VimFault, VimProtocolError } from '../errors/index.js';
import { isTemporaryVmName } from '../journal/operation-names.js';
import { readJournal, type RestoreJournal, temporaryVmName, temporaryVmUuid } from '../journal/restore-journal.js';
import type { ParsedVolume } from '../model/volume.js';
import { listWithinOneSession, lookWithinOneSession } from '../vim/look-within-one-session.js';
import { managerOf } from '../vim/managers.js';
import { readPropertiesOfEach, type UnreadableObject } from '../vim/property-collector.js';
import type { MoRef } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { busyError } from './busy-error.js';
import { isUntold, untold } from './untold-configuration.js';

/** A temporary VM, as far as finding it told. */
export interface FoundTemporaryVm {
  readonly ref: MoRef;
  readonly name: string;
  readonly journal: RestoreJournal;
}

/** Temporary VMs, and what may be or hold one and could not be read. */
export interface TemporaryVms {
  readonly found: readonly FoundTemporaryVm[];
  /** VMs, and datacenters. */
  readonly unreadable: readonly UnreadableObject[];
}

/** Every temporary VM that has the UUID they are all given, whoever made it and wherever it lies. */
async function findTemporaryVms(vim: VimSession, options: AbortableOptions = {}): Promise<TemporaryVms> {
  const query = { uuid: temporaryVmUuid, vmSearch: true, instanceUuid: false };
  const refs = (await vim.invoke('FindAllByUuid', managerOf(vim, 'searchIndex'), query, options)) ?? [];
  return withJournals(vim, refs, options);
}

/**
 * Every temporary VM on the server: also those in the volumes' folders that did not keep the UUID which their import gave
 * them, and were not given it since. That the list is complete, which says that nothing is left, is believed only if one session
 * lasted for the whole look.
 */
export function listTemporaryVms(vim: VimSession, options: AbortableOptions = {}): Promise<TemporaryVms> {
  return listWithinOneSession(vim, () => listAll(vim, options), options);
}

async function listAll(vim: VimSession, options: AbortableOptions): Promise<TemporaryVms> {
  const byUuid = await findTemporaryVms(vim, options);
  const known = new Set([...byUuid.found, ...byUuid.unreadable].map(({ ref }) => ref.value));
  const named: MoRef[] = [];
  const unreadable: UnreadableObject[] = [];
  const onUnreadable = (object: UnreadableObject): number => unreadable.push(object);
  for (const datacenter of await listDatacenters(vim, { ...options, onUnreadable })) {
    try {
      for await (const { ref, name } of listVolumeVmNames(vim, datacenter, options)) {
        if (isTemporaryVmName(name) && !known.has(ref.value)) named.push(ref);
      }
    } catch (error) {
      if (!(error instanceof VimFault || error instanceof VimProtocolError)) throw error;
      unreadable.push({ ref: datacenter.ref, error });
    }
  }
  const byName = await withJournals(vim, named, options);
  return {
    found: [...byUuid.found, ...byName.found],
    unreadable: [...byUuid.unreadable, ...byName.unreadable, ...unreadable],
  };
}

/**
 * The temporary VM of an operation, in its folder or by its UUID; `undefined` where it is certain that there is none: then a
 * restore says that it left nothing.
 */
export async function findTemporaryVmOf(
  vim: VimSession,
  { operation, volumeId }: Pick<RestoreJournal, 'operation' | 'volumeId'>,
  folder: MoRef,
): Promise<FoundTemporaryVm | undefined> {
  const args = { entity: folder, name: temporaryVmName(volumeId) };
  const look = async (): Promise<FoundTemporaryVm | undefined> => {
    const child = await vim.invoke('FindChild', managerOf(vim, 'searchIndex'), args);
    const named = await withJournals(vim, child?.type === 'VirtualMachine' ? [child] : [], {});
    const byUuid = await findTemporaryVms(vim);
    const ours = [...named.found, ...byUuid.found].find(({ journal }) => journal.operation === operation);
    // One that cannot be read may be the one.
    const [unread] = [...named.unreadable, ...byUuid.unreadable];
    if (ours === undefined && unread !== undefined) throw unread.error;
    return ours;
  };
  return lookWithinOneSession(vim, look, {});
}

/**
 * To be asked before a volume is created, changed or deleted: a restore to a new volume has only its temporary VM to be seen by.
 * That there is none is believed only if one session lasted for the whole look.
 *
 * @throws VolumeBusyError where a restore of the volume is under way, or died and was not recovered yet
 */
export async function assertNoTemporaryVm(
  vim: VimSession,
  volume: Pick<ParsedVolume, 'id'>,
  options: AbortableOptions,
): Promise<void> {
  const look = (): Promise<undefined> => assertNoTemporaryVmSeen(vim, volume, options).then(() => undefined);
  await lookWithinOneSession(vim, look, options);
}

/**
 * As {@link assertNoTemporaryVm}, by one call, and without proof: within a look that is proved by itself; or for a volume that has a
 * backing, which a backup only reads, and of which a second restore is kept out by the server and by the fence.
 *
 * @throws VolumeBusyError
 */
export async function assertNoTemporaryVmSeen(
  vim: VimSession,
  volume: Pick<ParsedVolume, 'id'>,
  options: AbortableOptions,
): Promise<void> {
  const { found } = await findTemporaryVms(vim, options);
  const vm = found.find(({ name, journal }) => journal.volumeId === volume.id && name === temporaryVmName(volume.id));
  if (vm !== undefined) throw await busyError(vim, vm.ref, volume.id, options);
}

async function withJournals(vim: VimSession, refs: readonly MoRef[], options: AbortableOptions): Promise<TemporaryVms> {
  const paths = ['name', 'config.changeVersion', 'config.extraConfig'] as const;
  const read = await readPropertiesOfEach(vim, refs, 'VirtualMachine', paths, options);
  const found: FoundTemporaryVm[] = [];
  const unreadable = [...read.unreadable];
  for (const { ref, properties } of read.found) {
    const journal = readJournal(properties['config.extraConfig']);
    if (journal !== undefined) found.push({ ref, name: properties.name, journal });
    else if (isUntold(properties)) unreadable.push({ ref, error: untold(properties.name) });
  }
  return { found, unreadable };
}
