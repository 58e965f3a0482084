import { parseDatastorePath, readDatastorePath } from '../model/datastore-path.js';

/** What another path is to a file of a datastore; `unknown` where it cannot be read, or only its datastore has another name. */
export type FileComparison = (other: string) => 'same' | 'other' | 'unknown';

/** What a datastore is called: in datastore paths, and on its hosts. */
export interface DatastoreNames {
  readonly name: string;
  /** `ds:///vmfs/volumes/<id>/` (`DatastoreSummary.url`). */
  readonly url: string | undefined;
}

const unresolved = /^\[\] ?\/vmfs\/volumes\/([^/]+)\/+(.*)$/s;

/**
 * Compares the paths of a datastore's VMs with that of a file in it. Of two names that the datastore has, the file's path may have the
 * former, or any of the VMs' paths: what differs by that name only may be the same file. A path whose datastore the server could not
 * name is shown as its host has it: `[] /vmfs/volumes/<id>/folder/file`.
 *
 * @throws VimProtocolError where the file's own path is none
 */
export function comparisonWith(path: string, { name, url }: DatastoreNames): FileComparison {
  const wanted = parseDatastorePath(path);
  const id = /\/vmfs\/volumes\/([^/]+)/.exec(url ?? '')?.[1];
  const tail = wanted.folder === '' ? wanted.file : `${wanted.folder}/${wanted.file}`;
  return (other) => {
    const [, volume, rest] = unresolved.exec(other) ?? [];
    if (volume !== undefined) {
      if (rest !== tail) return 'other';
      // A host may know the volume by yet another name.
      return volume === id || volume === name ? 'same' : 'unknown';
    }
    const there = readDatastorePath(other);
    if (there === undefined) return 'unknown';
    if (there.file !== wanted.file || there.folder !== wanted.folder) return 'other';
    return there.datastore === name || there.datastore === wanted.datastore ? 'same' : 'unknown';
  };
}
