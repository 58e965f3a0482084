import { InvalidVmdkError } from '../errors/invalid-vmdk-error.js';
import { NUMBERS_PER_SECTOR, SECTOR } from './format.js';
import type { GrainGeometry } from './grain-geometry.js';
import { DIGEST_NUMBERS, GrainTable } from './grain-table.js';
import { U32List } from './u32-list.js';
import { U32Queue } from './u32-queue.js';

/**
 * Checks grain tables that follow their grains, and the directory that follows the tables.
 *
 * The grains make the table that must follow them. It follows at once in every stream we know; where it does not, a
 * digest is remembered until it comes. A table does not say which part of the disk it is for: it must be that of the
 * first grains that have none yet.
 */
export class TailTables {
  /** The table of the last grains, made of them, and its place in the directory; -1 if there are none without a table. */
  readonly #seen: GrainTable;
  #place = -1;
  /** Tables of the grains before, if theirs have not come yet: place in the directory, digest. */
  readonly #waiting = new U32Queue(1 + DIGEST_NUMBERS);
  /** The table that is being read. */
  readonly #read: GrainTable;
  /** Tables without a directory entry yet: place in the directory, sector. */
  readonly #tables = new U32Queue(2);
  /** Sectors of tables without entries. vmdktool writes them for parts of the disk without grains. */
  readonly #emptyTables = new U32List();
  #lastPlace = -1;

  constructor(readonly geometry: GrainGeometry) {
    this.#seen = new GrainTable(geometry.entriesPerTable);
    this.#read = new GrainTable(geometry.entriesPerTable);
  }

  /** A grain was seen. */
  grain(index: number, sector: number): void {
    const { entriesPerTable } = this.geometry;
    const place = Math.floor(index / entriesPerTable);
    if (place !== this.#place) {
      if (this.#place !== -1) this.#waiting.push(this.#place, ...this.#seen.digest());
      this.#seen.clear();
      this.#place = place;
    }
    this.#seen.set(index % entriesPerTable, sector);
  }

  /**
   * Takes the next sector of a table.
   *
   * @param part - which of the table's sectors it is
   * @throws InvalidVmdkError `table-mismatch`
   */
  tableSector(sector: number, part: number, bytes: Buffer, from: number): void {
    for (let at = 0; at < SECTOR; at += 4) {
      const entry = bytes.readUInt32LE(from + at);
      if (entry === 0 || (entry === 1 && this.geometry.zeroedGrainEntries)) continue;
      this.#read.set(part * NUMBERS_PER_SECTOR + at / 4, entry);
    }
    if (part < this.geometry.tableSectors - 1) return;
    this.#endTable(sector - part);
    this.#read.clear();
  }

  /**
   * Call before the directory.
   *
   * @param at - its marker's byte
   * @throws InvalidVmdkError `table-mismatch` if a grain is in no table
   */
  beginDirectory(at: number): void {
    const place = this.#waiting.length > 0 ? this.#waiting.at(0) : this.#place;
    if (place !== -1) throw new InvalidVmdkError('table-mismatch', at, `the grains of table ${place} have no table`);
  }

  /**
   * Takes the next sector of the directory.
   *
   * @param part - which of the directory's sectors it is
   * @throws InvalidVmdkError `directory-mismatch`
   */
  directorySector(sector: number, part: number, bytes: Buffer, from: number): void {
    for (let at = 0; at < SECTOR; at += 4) {
      const entry = bytes.readUInt32LE(from + at);
      const place = part * NUMBERS_PER_SECTOR + at / 4;
      const known = this.#tables.at(0) === place;
      const right = known ? entry === this.#tables.at(1) : entry === 0 || this.#emptyTables.hasSorted(entry);
      if (!right) {
        const message = `the directory has sector ${entry} for table ${place}, which is not there`;
        throw new InvalidVmdkError('directory-mismatch', sector * SECTOR + at, message);
      }
      if (known) this.#tables.shift();
    }
  }

  #endTable(sector: number): void {
    if (this.#read.count === 0) {
      this.#emptyTables.push(sector);
      return;
    }
    const place = this.#waiting.length > 0 ? this.#matchWaiting(sector) : this.#matchSeen(sector);
    this.#tables.push(place, sector);
    this.#lastPlace = place;
  }

  #matchWaiting(sector: number): number {
    const place = this.#waiting.at(0);
    const same = this.#read.digest().every((number, i) => number === this.#waiting.at(1 + i));
    if (!same || place <= this.#lastPlace) throw this.#mismatch(sector * SECTOR);
    this.#waiting.shift();
    return place;
  }

  #matchSeen(sector: number): number {
    const place = this.#place;
    const difference = place > this.#lastPlace ? this.#seen.difference(this.#read) : 0;
    if (difference >= 0) throw this.#mismatch(sector * SECTOR + difference * 4);
    this.#seen.clear();
    this.#place = -1;
    return place;
  }

  #mismatch(at: number): InvalidVmdkError {
    return new InvalidVmdkError('table-mismatch', at, 'the table does not name the grains before it');
  }
}
