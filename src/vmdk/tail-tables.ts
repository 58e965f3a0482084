import { InvalidVmdkError } from '../errors/invalid-vmdk-error.js';
import { ENTRIES_PER_TABLE, SECTOR, TABLE_SECTORS } from './format.js';
import type { GrainGeometry } from './grain-geometry.js';
import { U32List } from './u32-list.js';
import { U32Queue } from './u32-queue.js';

const NUMBERS_PER_SECTOR = SECTOR / 4;

/**
 * Checks grain tables that follow their grains, and the directory that follows the tables.
 *
 * A table does not say which part of the disk it is for. Its first entry must be the first grain no table has had yet;
 * that tells. So grains are remembered only until their table comes.
 */
export class TailTables {
  /** Grains without a table yet: place on the disk in grains, sector. */
  readonly #grains = new U32Queue();
  /** Tables without a directory entry yet: place in the directory, sector. */
  readonly #tables = new U32Queue();
  /** Sectors of tables without entries. vmdktool writes them for parts of the disk without grains. */
  readonly #emptyTables = new U32List();
  #lastTable = -1;
  /** The place in the directory of the table being read, or -1 until an entry tells. */
  #table = -1;
  #entry = 0;

  constructor(readonly geometry: GrainGeometry) {}

  /** A grain was seen. */
  grain(index: number, sector: number): void {
    this.#grains.push(index, sector);
  }

  /**
   * Takes the next sector of a table.
   *
   * @param part - which of the table's sectors it is
   * @throws InvalidVmdkError `table-mismatch`
   */
  tableSector(sector: number, part: number, bytes: Buffer, from: number): void {
    if (part === 0) {
      this.#table = -1;
      this.#entry = 0;
    }
    for (let at = 0; at < SECTOR; at += 4, this.#entry++) {
      const entry = bytes.readUInt32LE(from + at);
      if (entry === 0 || (entry === 1 && this.geometry.zeroedGrainEntries)) continue;
      this.#matchGrain(entry, sector * SECTOR + at);
    }
    if (part === TABLE_SECTORS - 1) this.#endTable(sector - part);
  }

  /**
   * Call before the directory.
   *
   * @param at - its marker's byte
   * @throws InvalidVmdkError `table-mismatch` if a grain is in no table
   */
  beginDirectory(at: number): void {
    if (this.#grains.length > 0) {
      throw new InvalidVmdkError('table-mismatch', at, `no table has the grain at sector ${this.#grains.second()}`);
    }
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
      const table = part * NUMBERS_PER_SECTOR + at / 4;
      const known = this.#tables.first() === table;
      const right = known ? entry === this.#tables.second() : entry === 0 || this.#emptyTables.hasSorted(entry);
      if (!right) {
        const message = `the directory has sector ${entry} for table ${table}, which is not there`;
        throw new InvalidVmdkError('directory-mismatch', sector * SECTOR + at, message);
      }
      if (known) this.#tables.shift();
    }
  }

  #matchGrain(entry: number, at: number): void {
    const grain = this.#grains.first();
    const table = Math.floor(grain / ENTRIES_PER_TABLE);
    const fits = this.#table === -1 ? table > this.#lastTable : table === this.#table;
    if (!fits || grain % ENTRIES_PER_TABLE !== this.#entry || this.#grains.second() !== entry) {
      throw new InvalidVmdkError('table-mismatch', at, `the table has sector ${entry}, where its grain is not`);
    }
    this.#table = table;
    this.#grains.shift();
  }

  #endTable(sector: number): void {
    if (this.#table === -1) {
      this.#emptyTables.push(sector);
      return;
    }
    const next = this.#grains.first();
    if (next !== -1 && Math.floor(next / ENTRIES_PER_TABLE) === this.#table) {
      const at = sector * SECTOR + (next % ENTRIES_PER_TABLE) * 4;
      throw new InvalidVmdkError('table-mismatch', at, `the table lacks the grain at sector ${this.#grains.second()}`);
    }
    this.#tables.push(this.#table, sector);
    this.#lastTable = this.#table;
  }
}
