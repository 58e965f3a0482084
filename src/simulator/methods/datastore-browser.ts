import type { VimObject } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import { DatastoreBrowser, type Datastore } from '../inventory/datastore.js';
import { baseName, parseDatastorePath } from '../storage/datastore-path.js';
import type { DatastoreEntry } from '../storage/datastore-files.js';
import { as, type Handlers } from './handler.js';

export const datastoreBrowserMethods: Handlers<'SearchDatastore_Task'> = {
  SearchDatastore_Task(world, target, { datastorePath, searchSpec = {} }, caller) {
    const entity = as(DatastoreBrowser, target);
    const run = () => search(entity.datastore, datastorePath, searchSpec);
    return world.tasks.start(caller, { descriptionId: 'HostDatastoreBrowser.searchDatastore', entity, run }).ref;
  },
};

function search(
  datastore: Datastore,
  datastorePath: string,
  { matchPattern = ['*'], details, searchCaseInsensitive = true }: VimObject<'HostDatastoreBrowserSearchSpec'>,
): VimObject<'HostDatastoreBrowserSearchResults'> {
  const { datastore: name, path } = parseDatastorePath(datastorePath);
  if (name !== datastore.name) {
    throw fault('InvalidDatastorePath', { datastorePath }, `The browser is that of [${datastore.name}]`);
  }
  const { files } = datastore;
  if (files.get(path).kind !== 'directory') throw fault('FileNotFound', { file: datastorePath }, 'It is no directory');
  const patterns = matchPattern.map((pattern) => wildcard(pattern, searchCaseInsensitive));
  const file = files
    .children(path)
    .map(([key, entry]) => ({ key: baseName(key), entry }))
    .filter(({ key }) => patterns.some((pattern) => pattern.test(key)))
    .map(({ key, entry }): VimObject<'FileInfo'> => ({
      path: key,
      ...(details?.fileSize === true ? { fileSize: sizeOf(entry) } : {}),
    }));
  return {
    _type: 'HostDatastoreBrowserSearchResults',
    datastore: datastore.ref,
    folderPath: path === '' ? datastore.pathTo('') : `${datastore.pathTo(path)}/`,
    file,
  };
}

function sizeOf(entry: DatastoreEntry): number {
  switch (entry.kind) {
    case 'directory':
      return 0;
    case 'file':
      return entry.sizeBytes;
    case 'disk':
      return entry.spaceUsed;
  }
}

/** A pattern with `*` and `?` as a regular expression. */
function wildcard(pattern: string, ignoreCase: boolean): RegExp {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, ignoreCase ? 'i' : '');
}
