import { InvalidInputError } from '../errors/invalid-input-error.js';
import { InvalidVmdkError } from '../errors/invalid-vmdk-error.js';
import {
  ENTRIES_PER_TABLE,
  Flag,
  GD_AT_END,
  GRAIN_SECTORS,
  Marker,
  MAX_ENTRY,
  NUMBERS_PER_SECTOR,
  SECTOR,
  TABLE_SECTORS,
} from './format.js';
import { formatMarker } from './format-marker.js';
import { formatHeader, type SparseHeader } from './header.js';

/** Sectors before the first grain. */
const OVERHEAD = 128;

/**
 * Everything of a stream but its grains, in ESXi's own layout: each grain table behind its grains, the directory behind
 * the last table, then footer and end-of-stream marker.
 *
 * It only counts: grains go past it to the output. Methods that return buffers return what must be written *now*.
 */
export class StreamWriter {
  readonly #header: SparseHeader;
  /** As it will be written, of whole sectors: a disk of 64 TiB has 8 MiB of it. */
  readonly #directory: Buffer;
  #table: Buffer | undefined;
  #group = 0;
  #sector: number;

  /**
   * @param capacity - the disk's size in sectors
   * @param firstSector - where the stream's first grain goes; tests begin near the 2 TiB limit
   */
  constructor(
    capacity: number,
    readonly descriptor: string,
    firstSector: number = OVERHEAD,
  ) {
    const descriptorSize = Math.ceil(Buffer.byteLength(descriptor) / SECTOR);
    if (descriptorSize >= OVERHEAD) throw new InvalidInputError('ddb', 'is too long for a descriptor');
    this.#header = {
      version: 3,
      flags: Flag.newlineTest | Flag.compressed | Flag.markers,
      capacity,
      grainSize: GRAIN_SECTORS,
      entriesPerTable: ENTRIES_PER_TABLE,
      descriptorOffset: 1,
      descriptorSize,
      rgdOffset: 0,
      gdOffset: GD_AT_END,
      overHead: OVERHEAD,
    };
    this.#sector = firstSector;
    const tables = Math.ceil(capacity / (GRAIN_SECTORS * ENTRIES_PER_TABLE));
    this.#directory = Buffer.alloc(Math.ceil(tables / NUMBERS_PER_SECTOR) * SECTOR);
  }

  /** Header and descriptor, and zeros up to the first grain. */
  begin(): Buffer {
    const overhead = Buffer.alloc(OVERHEAD * SECTOR);
    formatHeader(this.#header).copy(overhead);
    overhead.write(this.descriptor, SECTOR);
    return overhead;
  }

  /**
   * What must be written before the grain with this index (its place on the disk, counted in grains): the table of the
   * grains so far, when the grain belongs to another. Then takes note that the grain follows.
   *
   * @param sectors - the grain's length in the stream, marker and padding included
   * @throws InvalidVmdkError `too-large` when a table entry could no longer name the grain
   */
  grain(index: number, sectors: number): Buffer | undefined {
    const group = Math.floor(index / ENTRIES_PER_TABLE);
    const table = group === this.#group ? undefined : this.#endTable();
    this.#group = group;
    this.#table ??= Buffer.alloc(TABLE_SECTORS * SECTOR);
    this.#table.writeUInt32LE(this.#take(sectors), (index % ENTRIES_PER_TABLE) * 4);
    return table;
  }

  /** The rest of the stream, in pieces. */
  end(): Buffer[] {
    const table = this.#endTable();
    const directorySectors = this.#directory.length / SECTOR;
    const gdOffset = this.#take(1 + directorySectors) + 1;
    return [
      ...(table === undefined ? [] : [table]),
      formatMarker(directorySectors, Marker.grainDirectory),
      this.#directory,
      formatMarker(1, Marker.footer),
      formatHeader({ ...this.#header, gdOffset }),
      formatMarker(0, Marker.endOfStream),
    ];
  }

  #endTable(): Buffer | undefined {
    if (this.#table === undefined) return undefined;
    this.#directory.writeUInt32LE(this.#take(1 + TABLE_SECTORS) + 1, this.#group * 4);
    const table = Buffer.concat([formatMarker(TABLE_SECTORS, Marker.grainTable), this.#table]);
    this.#table = undefined;
    return table;
  }

  /** Where the next `sectors` sectors go. */
  #take(sectors: number): number {
    const sector = this.#sector;
    this.#sector += sectors;
    if (this.#sector > MAX_ENTRY) {
      throw new InvalidVmdkError(
        'too-large',
        sector * SECTOR,
        'the stream would outgrow the 2 TiB its tables can name',
      );
    }
    return sector;
  }
}
