import type { Datastore } from '../inventory/datastore.js';
import type { DatastoreFiles } from './datastore-files.js';
import type { RawDisk } from './raw-disk.js';

/** How a disk takes its space: as it is written, at once, or at once and wiped. */
export type Provisioning = 'thin' | 'thick' | 'eagerZeroedThick';

/** The disk that another one is built on, and where it was when that was made: a child finds its parent by path only. */
export interface DiskParent {
  readonly file: DiskFile;
  readonly datastore: Datastore;
  readonly path: string;
}

/** What a disk is made of. */
export interface DiskFileInit {
  readonly raw: RawDisk;
  readonly provisioning: Provisioning;
  readonly uuid: string;
  /** As in a descriptor: `lsilogic`, `buslogic`, `ide`, `pvscsi`, `lsisas1068`. */
  readonly adapterType: string;
  /** @defaultValue none: the disk stands by itself */
  readonly parent?: DiskParent | undefined;
}

/** A virtual disk in a datastore. */
export class DiskFile {
  readonly kind = 'disk';
  raw: RawDisk;
  provisioning: Provisioning;
  /** In the dashed form. */
  uuid: string;
  adapterType: string;
  parent: DiskParent | undefined;
  /** How many transfers have it open: it is locked as long as there are any. */
  opened = 0;
  /** Locked by something outside, as a running backup proxy would. */
  locked = false;
  /** Where it is. Set by {@link DatastoreFiles} only. */
  path = '';
  /** Where it is; undefined once it is deleted. Set by {@link DatastoreFiles} only. */
  files: DatastoreFiles | undefined;

  constructor({ raw, provisioning, uuid, adapterType, parent }: DiskFileInit) {
    this.raw = raw;
    this.provisioning = provisioning;
    this.uuid = uuid;
    this.adapterType = adapterType;
    this.parent = parent;
  }

  get capacityBytes(): number {
    return this.raw.capacityBytes;
  }

  /** What it takes of its datastore. */
  get spaceUsed(): number {
    return this.provisioning === 'thin' ? this.raw.allocatedBytes : this.raw.capacityBytes;
  }

  /**
   * Writes bytes to the disk.
   *
   * @throws Fault NoDiskSpace where a thin disk has to grow and cannot
   */
  async write(data: Uint8Array, position: number): Promise<void> {
    if (this.provisioning === 'thin') this.#requireSpace(this.raw.growthBy(position, data.length));
    await this.raw.write(data, position);
  }

  /**
   * Gives the disk another size.
   *
   * @throws Fault NoDiskSpace
   */
  async resize(capacityBytes: number): Promise<void> {
    if (this.provisioning !== 'thin') this.#requireSpace(capacityBytes - this.capacityBytes);
    await this.raw.resize(capacityBytes);
  }

  /** Makes a thin disk take all its space, where its datastore lets a disk do so. */
  makeThick(): void {
    if (this.provisioning !== 'thin' || this.files?.provisioning === 'thin') return;
    this.#requireSpace(this.capacityBytes - this.spaceUsed);
    this.provisioning = 'thick';
  }

  #requireSpace(bytes: number): void {
    if (bytes > 0) this.files?.requireSpace(bytes, this.path);
  }
}
