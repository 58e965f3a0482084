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
  const match = /^\[([^\]]+)\] ?(?:(.*)\/)?([^/]*)$/.exec(path);
  if (match === null) throw new VimProtocolError(`not a datastore path: ${path}`);
  return { datastore: match[1] ?? '', folder: match[2] ?? '', file: match[3] ?? '' };
}

/** Puts a datastore path together. */
export function formatDatastorePath({ datastore, folder, file }: DatastorePath): string {
  return `[${datastore}] ${folder === '' ? '' : `${folder}/`}${file}`;
}
