import { BackingInvalidError, VolumeBusyError } from '../errors/index.js';
import { isTemporaryVm } from '../journal/restore-journal.js';
import type { ParsedVolume } from '../model/volume.js';
import { lookWithinOneSession } from '../vim/look-within-one-session.js';
import { managerOf } from '../vim/managers.js';
import { readPropertiesOfMany } from '../vim/property-collector.js';
import type { MoRef, PropertiesOf, VimObject } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { volumeIdKey } from './backing.js';
import { isUuid } from './disk-uuid.js';
import { listDatacenters } from './inventory.js';
import { escapeInventoryName } from './inventory-name.js';
import { findVolumeFolder } from './volume-folder.js';

/** What looking a volume up needs. */
export interface BackingLookup extends AbortableOptions {
  readonly vim: VimSession;
  readonly config: { readonly volumeFolder: string };
}

const identityProperties = ['name', 'config.extraConfig'] as const;
type Identity = PropertiesOf<'VirtualMachine', (typeof identityProperties)[number]>;

/**
 * Finds a volume's backing: by the volume's id (`SearchIndex.FindAllByUuid` over `instanceUuid`), else by name in the
 * volume's folder and in the datacenters' own. The inventory is never scanned, and a temporary VM is never taken for a
 * backing.
 *
 * That there is none, which lets others make one, is believed only if one session lasted for the whole look.
 *
 * @param alsoLook looked at in that session as well
 * @throws BackingInvalidError where several VMs could be it
 * @throws VolumeBusyError where one that could be it is gone as it is looked at
 * @throws VimFault, VimConnectionError where one that could be it, or a datacenter, cannot be read
 */
export async function findBacking(
  lookup: BackingLookup,
  volume: ParsedVolume,
  alsoLook: () => Promise<void> = () => Promise.resolve(),
): Promise<MoRef | undefined> {
  const found = await findBackingById(lookup, volume);
  if (found !== undefined) return found;
  const { vim, signal } = lookup;
  const look = async () => {
    await alsoLook();
    return (await findBackingById(lookup, volume)) ?? (await findByName(lookup, volume));
  };
  return lookWithinOneSession(vim, look, { signal });
}

/** Finds a volume's backing by the volume's id alone: one call where there is none. It says nothing of one that has no such id. */
export async function findBackingById(
  { vim, signal }: BackingLookup,
  volume: ParsedVolume,
): Promise<MoRef | undefined> {
  if (!isUuid(volume.id)) return undefined;
  const searchIndex = managerOf(vim, 'searchIndex');
  const query = { uuid: volume.id, vmSearch: true, instanceUuid: true };
  const refs = (await vim.invoke('FindAllByUuid', searchIndex, query, { signal })) ?? [];
  const candidates = await readCandidates(vim, refs, volume, { signal });
  // An instanceUuid may have been copied with a VM; the mark and the name tell the original.
  const marked = candidates.filter(({ identity }) => volumeIdOf(identity) === volume.id);
  return only(volume, marked.length > 0 ? marked : candidates);
}

async function findByName(lookup: BackingLookup, volume: ParsedVolume): Promise<MoRef | undefined> {
  const { vim, signal } = lookup;
  const searchIndex = managerOf(vim, 'searchIndex');
  const name = escapeInventoryName(volume.name);
  const found: MoRef[] = [];
  for (const { vmFolder } of await listDatacenters(vim, { signal })) {
    const volumeFolder = await findVolumeFolder(lookup, vmFolder, volume.projectId);
    for (const entity of new Set([volumeFolder, vmFolder])) {
      const child = entity && (await vim.invoke('FindChild', searchIndex, { entity, name }, { signal }));
      if (child?.type === 'VirtualMachine') found.push(child);
    }
  }
  return only(volume, await readCandidates(vim, found, volume, { signal }));
}

interface Candidate {
  readonly ref: MoRef;
  readonly identity: Identity;
}

/**
 * The VMs that may be the volume's: not temporary, and not marked as another volume's. One that was found and then is not there was
 * unregistered or deleted in that very moment: the volume is not taken for a new one on the strength of that.
 */
async function readCandidates(
  vim: VimSession,
  refs: readonly MoRef[],
  volume: ParsedVolume,
  options: AbortableOptions,
): Promise<Candidate[]> {
  if (refs.length === 0) return [];
  const vms = await readPropertiesOfMany(vim, refs, 'VirtualMachine', identityProperties, options);
  const gone = refs.find(({ value }) => vms.every(({ ref }) => ref.value !== value));
  if (gone !== undefined) {
    throw new VolumeBusyError(
      `${gone.value}, which may be the VM of volume ${volume.id}, was unregistered or deleted as it was looked at: try again`,
    );
  }
  return vms
    .map(({ ref, properties }) => ({ ref, identity: properties }))
    .filter(({ identity }) => [undefined, volume.id].includes(volumeIdOf(identity)))
    .filter(({ identity }) => !isTemporaryVm(identity.name, identity['config.extraConfig']));
}

function only(volume: ParsedVolume, candidates: readonly Candidate[]): MoRef | undefined {
  const named = candidates.filter(({ identity }) => identity.name === escapeInventoryName(volume.name));
  const [chosen, ...others] = named.length > 0 ? named : candidates;
  if (others.length > 0) {
    const names = [chosen, ...others].map((candidate) => candidate?.ref.value).join(', ');
    throw new BackingInvalidError(`several VMs could be the backing of volume ${volume.id}: ${names}`);
  }
  return chosen?.ref;
}

function volumeIdOf(identity: Identity): string | undefined {
  const mark: VimObject<'OptionValue'> | undefined = identity['config.extraConfig']?.find(
    ({ key }) => key === volumeIdKey,
  );
  return typeof mark?.value === 'string' ? mark.value : undefined;
}
