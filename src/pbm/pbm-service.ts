import type { MoRef, VimObject } from '../vim/schema/index.js';
import { identityOf } from '../vim/session-identity.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';

/** The root of the storage policy service; every vCenter's has this id. */
const serviceInstance: MoRef<'PbmServiceInstance'> = { type: 'PbmServiceInstance', value: 'ServiceInstance' };

/** The service's managers, by the session they were asked for in. They live as long as the server. */
const known = new WeakMap<VimSession, VimObject<'PbmServiceInstanceContent'>>();

/** The managers of the storage policy service of a vCenter; asked for once in a session. */
export async function pbmContent(
  vim: VimSession,
  options: AbortableOptions,
): Promise<VimObject<'PbmServiceInstanceContent'>> {
  let content = known.get(identityOf(vim));
  if (content === undefined) {
    content = await vim.invoke('PbmRetrieveServiceContent', serviceInstance, {}, options);
    known.set(identityOf(vim), content);
  }
  return content;
}
