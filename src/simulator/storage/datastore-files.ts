import type { Clock } from '../clock.js';
import { fault } from '../fault.js';
import type { Datastore } from '../inventory/datastore.js';
import type { VirtualMachine } from '../inventory/virtual-machine.js';
import { baseName, directoryOf, joinPath } from './datastore-path.js';
import type { DiskFile, Provisioning } from './disk-file.js';
import { DiskUsers } from './disk-users.js';
import type { FileContent } from './file-content.js';

/** A directory. */
export interface DirectoryEntry {
  readonly kind: 'directory';
}

/** A file that is no disk: a VM's configuration, of which only the length is kept, or one that was uploaded. */
export interface PlainFile {
  readonly kind: 'file';
  readonly sizeBytes: number;
  /** Whether a registered VM owns it. */
  locked: boolean;
  readonly content?: FileContent;
  /** The VM whose configuration it holds, while that is not in the inventory. */
  unregistered?: VirtualMachine | undefined;
}

export type DatastoreEntry = DirectoryEntry | PlainFile | DiskFile;

const directory: DirectoryEntry = { kind: 'directory' };

/** What is in one datastore, by path; and how much room is left. */
export class DatastoreFiles {
  readonly datastore: Datastore;
  readonly users = new DiskUsers();
  readonly #clock: Clock;
  capacityBytes: number;
  /** Taken by what the simulator does not show: everything that is not its own. */
  foreignBytes: number;
  /** What every disk made in it becomes; undefined: what was asked for. */
  readonly provisioning: Provisioning | undefined;
  readonly #entries = new Map<string, DatastoreEntry>();
  /** When each entry came to be where it is. */
  readonly #placed = new Map<string, string>();

  constructor(
    datastore: Datastore,
    clock: Clock,
    capacityBytes: number,
    foreignBytes: number,
    provisioning?: Provisioning,
  ) {
    this.datastore = datastore;
    this.#clock = clock;
    this.capacityBytes = capacityBytes;
    this.foreignBytes = foreignBytes;
    this.provisioning = provisioning;
  }

  get freeBytes(): number {
    let used = this.foreignBytes;
    for (const entry of this.#entries.values()) used += spaceOf(entry);
    return Math.max(0, this.capacityBytes - used);
  }

  /** Every path with what is there. */
  entries(): IterableIterator<[string, DatastoreEntry]> {
    return this.#entries.entries();
  }

  find(path: string): DatastoreEntry | undefined {
    return path === '' ? directory : this.#entries.get(path);
  }

  /** @throws Fault FileNotFound */
  get(path: string): DatastoreEntry {
    return this.find(path) ?? this.#notFound(path);
  }

  /** Since when something has been at a path; when it was last written to is not known. */
  placedAt(path: string): string {
    return this.#placed.get(path) ?? this.#notFound(path);
  }

  /** @throws Fault FileNotFound where there is no disk at the path */
  disk(path: string): DiskFile {
    const entry = this.find(path);
    return entry?.kind === 'disk' ? entry : this.#notFound(path);
  }

  /** @throws Fault FileAlreadyExists; FileNotFound where the directory it is to be in is missing */
  makeDirectory(path: string, parents = false): void {
    if (this.find(path) !== undefined) this.#exists(path);
    const parent = directoryOf(path);
    if (parents && this.find(parent) === undefined) this.makeDirectory(parent, true);
    this.#requireDirectory(parent);
    this.#place(path, directory);
  }

  /** @throws Fault FileAlreadyExists, FileNotFound (its directory), NoDiskSpace */
  addDisk(path: string, disk: DiskFile): void {
    if (this.find(path) !== undefined) this.#exists(path);
    this.#requireDirectory(directoryOf(path));
    this.requireSpace(disk.spaceUsed, path);
    this.#place(path, disk);
  }

  /** @throws Fault FileAlreadyExists, FileNotFound (its directory) */
  addFile(path: string, sizeBytes: number, locked: boolean, content?: FileContent): void {
    if (this.find(path) !== undefined) this.#exists(path);
    this.#requireDirectory(directoryOf(path));
    this.#place(path, { kind: 'file', sizeBytes, locked, ...(content === undefined ? {} : { content }) });
  }

  /** @throws Fault FileAlreadyExists, FileNotFound (its directory), NoDiskSpace */
  addContent(path: string, content: FileContent): void {
    this.requireSpace(content.sizeBytes, path);
    this.addFile(path, content.sizeBytes, false, content);
  }

  /** Takes one entry out. Its bytes are the caller's to dispose of. */
  remove(path: string): void {
    const entry = this.#entries.get(path);
    if (entry?.kind === 'disk') entry.files = undefined;
    this.#entries.delete(path);
    this.#placed.delete(path);
  }

  /** The paths of a directory's entries, at any depth; the directory itself is not among them. */
  inside(path: string): string[] {
    const prefix = path === '' ? '' : `${path}/`;
    return [...this.#entries.keys()].filter((key) => key.startsWith(prefix));
  }

  /** The entries directly in a directory. */
  children(path: string): [string, DatastoreEntry][] {
    return [...this.#entries].filter(([key]) => directoryOf(key) === path);
  }

  /**
   * Moves an entry, a directory with all that is in it, within this datastore or to another.
   *
   * @throws Fault FileNotFound, FileAlreadyExists, NoDiskSpace
   */
  move(path: string, to: DatastoreFiles, destination: string): void {
    const entry = this.get(path);
    if (to.find(destination) !== undefined) to.#exists(destination);
    to.#requireDirectory(directoryOf(destination));
    const moved = [path, ...(entry.kind === 'directory' ? this.inside(path) : [])];
    if (to !== this) {
      const bytes = moved.map((key) => this.get(key)).reduce((sum, file) => sum + spaceOf(file), 0);
      to.requireSpace(bytes, destination);
    }
    for (const key of moved) {
      const file = this.get(key);
      this.remove(key);
      to.#place(destination + key.slice(path.length), file);
    }
  }

  /** @throws Fault NoDiskSpace */
  requireSpace(bytes: number, path: string): void {
    // What needs no room needs none of the sum over all files either.
    if (bytes > 0 && bytes > this.freeBytes) {
      const { name } = this.datastore;
      throw fault(
        'NoDiskSpace',
        { file: this.datastore.pathTo(path), datastore: name },
        `Insufficient disk space on ${name}`,
      );
    }
  }

  /** A name not yet taken in a directory: the wished one, or with `_1`, `_2` before its extension. */
  freeName(parent: string, stem: string, extension = ''): string {
    for (let n = 0; ; n++) {
      const name = `${stem}${n === 0 ? '' : `_${n}`}${extension}`;
      if (this.find(joinPath(parent, name)) === undefined) return name;
    }
  }

  #place(path: string, entry: DatastoreEntry): void {
    this.#entries.set(path, entry);
    this.#placed.set(path, this.#clock.timestamp());
    if (entry.kind === 'disk') {
      entry.path = path;
      entry.files = this;
      // A datastore that has but one form gives it to any disk; what is built on another has none of its own.
      if (this.provisioning !== undefined && entry.parent === undefined) entry.provisioning = this.provisioning;
    }
  }

  #requireDirectory(path: string): void {
    if (this.find(path)?.kind !== 'directory') this.#notFound(path);
  }

  #exists(path: string): never {
    const file = this.datastore.pathTo(path);
    throw fault(
      'FileAlreadyExists',
      { file },
      `Cannot complete the operation because the file or folder ${baseName(path)} already exists`,
    );
  }

  #notFound(path: string): never {
    const file = this.datastore.pathTo(path);
    throw fault('FileNotFound', { file }, `File ${file} was not found`);
  }
}

function spaceOf(entry: DatastoreEntry): number {
  if (entry.kind === 'disk') return entry.spaceUsed;
  return entry.kind === 'file' ? (entry.content?.sizeBytes ?? 0) : 0;
}
