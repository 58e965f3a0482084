import { formatDatastorePath, parseDatastorePath } from '../model/datastore-path.js';
import { readProperties } from '../vim/property-collector.js';
import type { MoRef } from '../vim/schema/index.js';
import type { VimSession } from '../vim/vim-session.js';

/** A datastore by its managed object id. */
export function datastoreRef(value: string): MoRef {
  return { type: 'Datastore', value };
}

/**
 * Tells where paths of a datastore lead now: what they begin with is its name, and datastores are renamed.
 *
 * @throws VimFault ManagedObjectNotFound where the datastore is gone
 */
export async function currentPaths(vim: VimSession, datastore: string): Promise<(path: string) => string> {
  const { name } = await readProperties(vim, datastoreRef(datastore), 'Datastore', ['name']);
  return (path) => formatDatastorePath({ ...parseDatastorePath(path), datastore: name });
}

/** Whether a path leads into a datastore now, and that is within reach: only then a file that is not at the path is not there. */
export async function leadsInto(vim: VimSession, datastore: MoRef, path: string): Promise<boolean> {
  const { name, summary } = await readProperties(vim, datastore, 'Datastore', ['name', 'summary']);
  return summary.accessible && name === parseDatastorePath(path).datastore;
}
