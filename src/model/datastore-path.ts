import { VimProtocolError } from '../errors/index.js';

/** A datastore path, `[datastore] folder/file`, taken apart. */
export interface DatastorePath {
  readonly datastore: string;
  /** The folder within the datastore, without slashes at its ends; empty for the root. */
  readonly folder: string;
  /** The file's name; empty for a path that names a folder or a whole datastore. */
  readonly file: string;
}

/**
 * Takes a datastore path apart.
 *
 * @throws VimProtocolError where a server's path is not one
 */
export function parseDatastorePath(path: string): DatastorePath {
  const parts = readDatastorePath(path);
  if (parts === undefined) throw new VimProtocolError(`not a datastore path: ${path}`);
  return parts;
}

/** Takes a datastore path apart; `undefined` where it is none: a server that cannot name a datastore leaves the brackets empty. */
export function readDatastorePath(path: string): DatastorePath | undefined {
  // A name may have brackets itself: it ends before the first bracket with a blank, or the end, behind it. Some leave the blank out.
  const match = /^\[(.+?)\](?: (.*))?$/s.exec(path) ?? /^\[([^\]]+)\](.*)$/s.exec(path);
  const [, datastore = '', rest = ''] = match ?? [];
  if (datastore === '') return undefined;
  const slash = rest.lastIndexOf('/');
  return { datastore, folder: rest.slice(0, Math.max(0, slash)), file: rest.slice(slash + 1) };
}

/** Puts a datastore path together. */
export function formatDatastorePath({ datastore, folder, file }: DatastorePath): string {
  return `[${datastore}] ${folder === '' ? '' : `${folder}/`}${file}`;
}

/** A name as the folders and files of a datastore may have it: some characters mean something in a path. */
export function fileNameFor(name: string): string {
  return name.replace(/[/\\%[\]:*?"<>|]/g, '_');
}
