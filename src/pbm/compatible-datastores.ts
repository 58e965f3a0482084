import type { MoRef } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { pbmContent } from './pbm-service.js';

/**
 * Which datastores comply with a storage policy, asked for all of them at once (`PbmQueryMatchingHub`).
 *
 * @param profileId the policy
 * @returns the ids of those that do
 */
export async function compatibleDatastores(
  vim: VimSession,
  profileId: string,
  datastores: readonly MoRef[],
  options: AbortableOptions,
): Promise<ReadonlySet<string>> {
  // Asked about none, the service answers for all there are.
  if (datastores.length === 0) return new Set();
  const { placementSolver } = await pbmContent(vim, options);
  const hubsToSearch = datastores.map(({ type, value }) => ({ hubType: type, hubId: value }));
  const args = { hubsToSearch, profile: { uniqueId: profileId } };
  const hubs = await vim.invoke('PbmQueryMatchingHub', placementSolver, args, options);
  return new Set(hubs?.map(({ hubId }) => hubId));
}
