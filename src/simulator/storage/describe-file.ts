import type { VimObject } from '../../vim/schema/index.js';
import type { DatastoreEntry, DatastoreFiles } from './datastore-files.js';
import { baseName } from './datastore-path.js';

/** A file as a datastore browser shows it. */
export function describeFile(
  files: DatastoreFiles,
  path: string,
  entry: DatastoreEntry,
  details: Partial<VimObject<'FileQueryFlags'>> = {},
): VimObject<'FileInfo'> {
  return {
    _type: details.fileType === true ? fileType(path, entry) : 'FileInfo',
    path: baseName(path),
    ...(details.fileSize === true ? { fileSize: sizeOf(entry) } : {}),
    ...(details.modification === true ? { modification: files.placedAt(path) } : {}),
    ...(details.fileOwner === true ? { owner: 'root' } : {}),
  };
}

function fileType(path: string, { kind }: DatastoreEntry): VimObject<'FileInfo'>['_type'] {
  if (kind === 'directory') return 'FolderFileInfo';
  if (kind === 'disk') return 'VmDiskFileInfo';
  if (path.endsWith('.vmx')) return 'VmConfigFileInfo';
  return path.endsWith('.nvram') ? 'VmNvramFileInfo' : 'FileInfo';
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
