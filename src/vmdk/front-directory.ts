import { InvalidVmdkError } from '../errors/invalid-vmdk-error.js';
import { ENTRIES_PER_TABLE, SECTOR, TABLE_SECTORS, ZERO_SECTOR } from './format.js';
import type { GrainGeometry } from './grain-geometry.js';
import { U32List } from './u32-list.js';

const NUMBERS_PER_SECTOR = SECTOR / 4;

/** Told of every grain a directory's tables name: its place on the disk in grains, its sector, the entry's byte. */
export type EntryVisitor = (grain: number, sector: number, at: number) => void;

/**
 * A grain directory that stands before the grains, and its tables behind it. It sees every sector on the way to the
 * grains and picks its own.
 */
export class FrontDirectory {
  readonly #tables = new U32List();
  readonly #end: number;
  /** The table that is next, as a place in the directory, and the next of its sectors. */
  #table = 0;
  #part = 0;

  /** @param offset - the directory's sector */
  constructor(
    readonly offset: number,
    readonly geometry: GrainGeometry,
    readonly visit: EntryVisitor,
  ) {
    this.#end = offset + Math.ceil(geometry.tables / NUMBERS_PER_SECTOR);
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
    if (this.#table < this.geometry.tables) throw this.#misplaced();
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
    const expected = this.#tables.at(this.#table);
    if (expected === undefined || sector < expected) return;
    if (sector !== expected + this.#part) throw this.#misplaced();

    if (ZERO_SECTOR.compare(bytes, from, from + SECTOR) !== 0) this.#readEntries(sector, bytes, from);
    this.#part = (this.#part + 1) % TABLE_SECTORS;
    if (this.#part === 0) this.#table += 1;
  }

  #readEntries(sector: number, bytes: Buffer, from: number): void {
    const { grains, firstSector, zeroedGrainEntries } = this.geometry;
    for (let at = 0; at < SECTOR; at += 4) {
      const entry = bytes.readUInt32LE(from + at);
      if (entry === 0 || (entry === 1 && zeroedGrainEntries)) continue;
      const grain = this.#table * ENTRIES_PER_TABLE + this.#part * NUMBERS_PER_SECTOR + at / 4;
      if (grain >= grains || entry < firstSector) {
        const message = `the table has sector ${entry} for grain ${grain} of ${grains}`;
        throw new InvalidVmdkError('table-mismatch', sector * SECTOR + at, message);
      }
      this.visit(grain, entry, sector * SECTOR + at);
    }
  }

  #skipAbsent(): void {
    while (this.#tables.at(this.#table) === 0) this.#table += 1;
  }

  #misplaced(): InvalidVmdkError {
    const at = this.offset * SECTOR + this.#table * 4;
    return new InvalidVmdkError('directory-mismatch', at, 'the directory names a table that is not there');
  }
}
