import { InvalidVmdkError } from '../errors/invalid-vmdk-error.js';
import { NUMBERS_PER_SECTOR, SECTOR, ZERO_SECTOR } from './format.js';
import type { GrainGeometry } from './grain-geometry.js';
import { GrainTable } from './grain-table.js';
import { U32List } from './u32-list.js';

/** Shown every table that names grains: its place in the directory, what it says, its byte in the stream. */
export type TableVisitor = (place: number, table: GrainTable, at: number) => void;

/**
 * A grain directory that stands before the grains, and its tables behind it. It sees every sector on the way to the
 * grains and picks its own.
 */
export class FrontDirectory {
  readonly #tables = new U32List();
  readonly #end: number;
  /** The table that is next, as a place in the directory, and the next of its sectors. */
  #place = 0;
  #part = 0;
  readonly #table: GrainTable;

  /** @param offset - the directory's sector */
  constructor(
    readonly offset: number,
    readonly geometry: GrainGeometry,
    readonly visit: TableVisitor,
  ) {
    this.#end = offset + Math.ceil(geometry.tables / NUMBERS_PER_SECTOR);
    this.#table = new GrainTable(geometry.entriesPerTable);
  }

  /** The byte of the stream at which a table begins; 0 if there is no such table. */
  byteOf(place: number): number {
    return (this.#tables.at(place) ?? 0) * SECTOR;
  }

  /**
   * Takes a sector, or leaves it.
   *
   * @throws InvalidVmdkError `directory-mismatch`, `table-mismatch`
   */
  sector(sector: number, bytes: Buffer, from: number): void {
    if (sector < this.offset) return;
    if (sector < this.#end) this.#readDirectory(sector, bytes, from);
    else this.#readTable(sector, bytes, from);
  }

  /**
   * Call when the grains begin.
   *
   * @throws InvalidVmdkError `directory-mismatch` if not all tables were there
   */
  end(): void {
    this.#skipAbsent();
    if (this.#place < this.geometry.tables) throw this.#misplaced();
  }

  #readDirectory(sector: number, bytes: Buffer, from: number): void {
    for (let at = 0; at < SECTOR && this.#tables.length < this.geometry.tables; at += 4) {
      const table = bytes.readUInt32LE(from + at);
      this.#tables.push(table);
      if (table !== 0 && table < this.#end) {
        throw new InvalidVmdkError('directory-mismatch', sector * SECTOR + at, 'the table is not behind its directory');
      }
    }
  }

  #readTable(sector: number, bytes: Buffer, from: number): void {
    if (this.#part === 0) this.#skipAbsent();
    const expected = this.#tables.at(this.#place);
    if (expected === undefined || sector < expected) return;
    if (sector !== expected + this.#part) throw this.#misplaced();

    if (ZERO_SECTOR.compare(bytes, from, from + SECTOR) !== 0) this.#readEntries(sector, bytes, from);
    this.#part = (this.#part + 1) % this.geometry.tableSectors;
    if (this.#part === 0) {
      if (this.#table.count > 0) this.visit(this.#place, this.#table, expected * SECTOR);
      this.#table.clear();
      this.#place += 1;
    }
  }

  #readEntries(sector: number, bytes: Buffer, from: number): void {
    const { grains, firstSector, zeroedGrainEntries, entriesPerTable } = this.geometry;
    for (let at = 0; at < SECTOR; at += 4) {
      const sectorOfGrain = bytes.readUInt32LE(from + at);
      if (sectorOfGrain === 0 || (sectorOfGrain === 1 && zeroedGrainEntries)) continue;
      const entry = this.#part * NUMBERS_PER_SECTOR + at / 4;
      const grain = this.#place * entriesPerTable + entry;
      if (grain >= grains || sectorOfGrain < firstSector) {
        const message = `the table has sector ${sectorOfGrain} for grain ${grain} of ${grains}`;
        throw new InvalidVmdkError('table-mismatch', sector * SECTOR + at, message);
      }
      this.#table.set(entry, sectorOfGrain);
    }
  }

  #skipAbsent(): void {
    while (this.#tables.at(this.#place) === 0) this.#place += 1;
  }

  #misplaced(): InvalidVmdkError {
    const at = this.offset * SECTOR + this.#place * 4;
    return new InvalidVmdkError('directory-mismatch', at, 'the directory names a table that is not there');
  }
}
