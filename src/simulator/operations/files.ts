import { fault } from '../fault.js';
import type { Place } from '../inventory/disk-chain.js';
import type { DatastoreEntry } from '../storage/datastore-files.js';
import type { World } from '../world.js';
import { requireUnlocked } from './locks.js';

/** Deletes a file, or a directory with all that is in it. @throws Fault FileNotFound, FileLocked, CannotDeleteFile */
export async function deleteFile(world: World, { datastore, path }: Place): Promise<void> {
  const { files } = datastore;
  if (path === '') throw fault('CannotDeleteFile', { file: datastore.pathTo('') }, 'A datastore cannot be deleted');
  const doomed = affected({ datastore, path });
  for (const [key, entry] of doomed) requireFree({ datastore, path: key }, entry);
  for (const [key] of doomed) files.remove(key);
  for (const [, entry] of doomed) {
    if (entry.kind === 'disk') await entry.raw.dispose();
    if (entry.kind === 'file') await entry.content?.dispose();
  }
  world.registry.changed();
}

/** Moves a file or a directory. @throws Fault FileNotFound, FileLocked, FileAlreadyExists, NoDiskSpace */
export async function moveFile(world: World, from: Place, to: Place, force: boolean): Promise<void> {
  for (const [key, entry] of affected(from)) requireFree({ datastore: from.datastore, path: key }, entry);
  if (force && to.datastore.files.find(to.path) !== undefined) await deleteFile(world, to);
  from.datastore.files.move(from.path, to.datastore.files, to.path);
  world.registry.changed();
}

function affected({ datastore: { files }, path }: Place): [string, DatastoreEntry][] {
  const entry = files.get(path);
  const inside = entry.kind === 'directory' ? files.inside(path) : [];
  return [path, ...inside].map((key) => [key, files.get(key)]);
}

function requireFree(place: Place, entry: DatastoreEntry): void {
  requireUnlocked(place);
  if (entry.kind === 'file' && entry.locked) {
    const file = place.datastore.pathTo(place.path);
    throw fault('FileLocked', { file }, `Unable to access file ${file} since it is locked`);
  }
}
