import { fault } from '../fault.js';

/** A place in a datastore, as in `[datastore1] folder/disk.vmdk`. */
export interface DatastorePath {
  readonly datastore: string;
  /** Relative to the datastore's top, without leading or trailing slash; empty for the top itself. */
  readonly path: string;
}

/**
 * Takes a datastore path apart.
 *
 * @throws Fault InvalidDatastorePath
 */
export function parseDatastorePath(text: string): DatastorePath {
  // A name may have brackets itself: it ends before a bracket with a blank, or the end, behind it.
  const match = /^\[(.+?)\](?: +(.*))?$/.exec(text);
  const segments = (match?.[2] ?? '').replace(/\/+$/, '').split('/');
  const bad = segments.length > 1 ? segments.some((segment) => segment === '') : false;
  if (match?.[1] === undefined || bad || segments.includes('..') || segments.includes('.')) {
    throw fault('InvalidDatastorePath', { datastorePath: text }, `Invalid datastore path "${text}"`);
  }
  return { datastore: match[1], path: segments.join('/') };
}

/** Writes a datastore path. */
export function formatDatastorePath({ datastore, path }: DatastorePath): string {
  return path === '' ? `[${datastore}]` : `[${datastore}] ${path}`;
}

/** The directory a path is in; empty for the top. */
export function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** A path's last part. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** A path inside a directory. */
export function joinPath(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}
