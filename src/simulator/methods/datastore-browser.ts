import type { VimObject } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import { type Datastore, DatastoreBrowser } from '../inventory/datastore.js';
import { TypedValue } from '../soap/typed-value.js';
import { baseName, parseDatastorePath } from '../storage/datastore-path.js';
import { describeFile } from '../storage/describe-file.js';
import { as, type Handlers } from './handler.js';

type SearchSpec = VimObject<'HostDatastoreBrowserSearchSpec'>;
type SearchResults = VimObject<'HostDatastoreBrowserSearchResults'>;

export const datastoreBrowserMethods: Handlers<'SearchDatastore_Task' | 'SearchDatastoreSubFolders_Task'> = {
  SearchDatastore_Task(world, target, { datastorePath, searchSpec = {} }, caller) {
    const entity = as(DatastoreBrowser, target);
    const run = () => search(entity.datastore, directoryAt(entity.datastore, datastorePath), searchSpec);
    return world.tasks.start(caller, { descriptionId: 'HostDatastoreBrowser.searchDatastore', entity, run }).ref;
  },

  SearchDatastoreSubFolders_Task(world, target, { datastorePath, searchSpec = {} }, caller) {
    const entity = as(DatastoreBrowser, target);
    const { datastore } = entity;
    const run = () => {
      const top = directoryAt(datastore, datastorePath);
      const below = datastore.files.inside(top).filter((path) => datastore.files.get(path).kind === 'directory');
      const results = [top, ...below].map((directory) => search(datastore, directory, searchSpec));
      return new TypedValue('HostDatastoreBrowserSearchResults[]', results);
    };
    const descriptionId = 'HostDatastoreBrowser.searchDatastoreSubFolders';
    return world.tasks.start(caller, { descriptionId, entity, run }).ref;
  },
};

/** The directory a datastore path names. @throws Fault InvalidDatastorePath, FileNotFound */
function directoryAt(datastore: Datastore, datastorePath: string): string {
  const { datastore: name, path } = parseDatastorePath(datastorePath);
  if (name !== datastore.name) {
    throw fault('InvalidDatastorePath', { datastorePath }, `The browser is that of [${datastore.name}]`);
  }
  const isDirectory = datastore.files.get(path).kind === 'directory';
  if (!isDirectory) throw fault('FileNotFound', { file: datastorePath }, 'It is no directory');
  return path;
}

function search(
  datastore: Datastore,
  directory: string,
  { matchPattern = ['*'], details, searchCaseInsensitive = true }: SearchSpec,
): SearchResults {
  const { files } = datastore;
  const patterns = matchPattern.map((pattern) => wildcard(pattern, searchCaseInsensitive));
  const file = files
    .children(directory)
    .filter(([path]) => patterns.some((pattern) => pattern.test(baseName(path))))
    .map(([path, entry]) => describeFile(files, path, entry, details));
  return {
    _type: 'HostDatastoreBrowserSearchResults',
    datastore: datastore.ref,
    folderPath: directory === '' ? datastore.pathTo('') : `${datastore.pathTo(directory)}/`,
    file,
  };
}

/** A pattern with `*` and `?` as a regular expression. */
function wildcard(pattern: string, ignoreCase: boolean): RegExp {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, ignoreCase ? 'i' : '');
}
