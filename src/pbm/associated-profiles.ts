import { VimFault } from '../errors/index.js';
import { isVirtualCenter } from '../vim/managers.js';
import type { MoRef, VimObject } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { pbmContent } from './pbm-service.js';
import type { StorageProfiles } from './storage-profiles.js';

/** A VM and its disk, as far as storage policies are concerned. */
export interface ProfiledVm {
  readonly ref: MoRef;
  readonly disk: { readonly device: { readonly key: number } };
}

/**
 * The storage policies a VM and its disk have. A single ESXi host has none, and is not asked.
 *
 * @throws VimFault, VimConnectionError where the storage policy service does not say
 */
export async function readStorageProfiles(
  vim: VimSession,
  { ref, disk }: ProfiledVm,
  options: AbortableOptions,
): Promise<StorageProfiles> {
  if (!isVirtualCenter(vim)) return {};
  const { profileManager } = await pbmContent(vim, options);
  const diskKey = `${ref.value}:${disk.device.key}`;
  const entities = [
    { objectType: 'virtualMachine', key: ref.value },
    { objectType: 'virtualDiskId', key: diskKey },
  ];
  const results = (await vim.invoke('PbmQueryAssociatedProfiles', profileManager, { entities }, options)) ?? [];
  return { vm: profileOf(results, ref.value), disk: profileOf(results, diskKey) };
}

function profileOf(results: readonly VimObject<'PbmQueryProfileResult'>[], key: string): string | undefined {
  const result = results.find(({ object }) => object.key === key);
  if (result?.fault !== undefined) {
    const { fault, localizedMessage = '' } = result.fault;
    throw new VimFault(fault._type, 'PbmQueryAssociatedProfiles', localizedMessage);
  }
  return result?.profileId?.[0]?.uniqueId;
}
