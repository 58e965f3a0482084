import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno } from '../../errors/errno.js';
import type { ObjectInfo } from '../object-store.js';
import { objectPath, segmentOf } from './object-path.js';

/** The objects below a directory whose keys begin with the prefix, in the order of the keys' bytes. */
export async function* walk(root: string, prefix: string): AsyncGenerator<ObjectInfo, void, undefined> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const directory = folder === '' ? root : join(root, objectPath(folder.slice(0, -1)));
  yield* walkDirectory(directory, folder, prefix);
}

async function* walkDirectory(directory: string, folder: string, prefix: string): AsyncGenerator<ObjectInfo> {
  for (const { name, key, isDirectory } of await entriesOf(directory, folder)) {
    // A directory's key ends with a slash; it may be a part of the prefix only where the prefix was the folder itself.
    if (!key.startsWith(prefix)) continue;
    const path = join(directory, name);
    if (isDirectory) {
      yield* walkDirectory(path, key, '');
      continue;
    }
    const info = await unlessGone(stat(path));
    if (info !== undefined) yield { key, size: info.size, lastModified: info.mtime };
  }
}

interface Entry {
  readonly name: string;
  readonly key: string;
  readonly isDirectory: boolean;
}

async function entriesOf(directory: string, folder: string): Promise<Entry[]> {
  const found = (await unlessGone(readdir(directory, { withFileTypes: true }))) ?? [];
  const entries = found.flatMap((entry): Entry[] => {
    const segment = segmentOf(entry.name);
    const isDirectory = entry.isDirectory();
    if (segment === undefined || !(isDirectory || entry.isFile())) return [];
    return [{ name: entry.name, key: `${folder}${segment}${isDirectory ? '/' : ''}`, isDirectory }];
  });
  return entries.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
}

/** Undefined where the file or directory went meanwhile, or never was. */
async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
