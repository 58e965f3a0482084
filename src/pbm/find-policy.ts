import { InvalidInputError } from '../errors/index.js';
import { storageProfileSpec } from '../model/extra-specs.js';
import { isVirtualCenter } from '../vim/managers.js';
import type { VimObject } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { pbmContent } from './pbm-service.js';

const field = `volume.volumeType.extraSpecs.${storageProfileSpec}`;

/**
 * Finds a storage policy by the name a volume's type gives it.
 *
 * @returns its id
 * @throws InvalidInputError where there is no such policy, or none at all: a single ESXi host has no storage policies
 */
export async function findStoragePolicy(vim: VimSession, name: string, options: AbortableOptions): Promise<string> {
  if (!isVirtualCenter(vim)) {
    throw new InvalidInputError(
      field,
      `${name} cannot be honoured: an ESXi host without vCenter has no storage policies`,
    );
  }
  const { profileManager } = await pbmContent(vim, options);
  const profileIds = await listPolicies(vim, options);
  // An empty list is refused.
  const policies =
    profileIds.length === 0 ? [] : await vim.invoke('PbmRetrieveContent', profileManager, { profileIds }, options);
  const policy = policies.find((candidate) => candidate.name === name);
  if (policy === undefined) throw new InvalidInputError(field, `there is no storage policy ${name}`);
  return policy.profileId.uniqueId;
}

/** Whether there is a storage policy of this id. */
export async function hasStoragePolicy(vim: VimSession, id: string, options: AbortableOptions): Promise<boolean> {
  return (await listPolicies(vim, options)).some(({ uniqueId }) => uniqueId === id);
}

/** Those that can be set on VMs and disks; what datastores offer is listed as policies of another category. */
async function listPolicies(vim: VimSession, options: AbortableOptions): Promise<readonly VimObject<'PbmProfileId'>[]> {
  const { profileManager } = await pbmContent(vim, options);
  const args = { resourceType: { resourceType: 'STORAGE' }, profileCategory: 'REQUIREMENT' };
  return (await vim.invoke('PbmQueryProfile', profileManager, args, options)) ?? [];
}
