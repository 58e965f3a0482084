import { InvalidVmdkError } from '../errors/invalid-vmdk-error.js';
import { FrontDirectory } from './front-directory.js';
import type { GrainGeometry } from './grain-geometry.js';
import { DIGEST_NUMBERS, GrainTable } from './grain-table.js';
import type { SparseHeader } from './header.js';
import { U32Queue } from './u32-queue.js';

/**
 * Checks grains against tables that stand before them. Where there is a redundant copy (qemu-img writes one), both must
 * say the same.
 *
 * Of each table a digest is remembered. The grains that come make the table anew, and when the last of them has come it
 * must have the same.
 */
export class FrontTables {
  readonly #directories: readonly FrontDirectory[];
  /** Tables that name grains, until these have come: place in the directory, digest. */
  readonly #tables = new U32Queue(1 + DIGEST_NUMBERS);
  #compared = 0;
  /** How many grains the tables have that were not seen. */
  #missing = 0;
  /** The table of the grains that come now, made of them, and its place in the directory. */
  readonly #seen: GrainTable;
  #place = -1;

  constructor(
    { gdOffset, rgdOffset }: SparseHeader,
    readonly geometry: GrainGeometry,
  ) {
    const offsets = rgdOffset === 0 ? [gdOffset] : [gdOffset, rgdOffset].sort((a, b) => a - b);
    this.#directories = offsets.map((offset, i) => {
      return new FrontDirectory(offset, geometry, i === 0 ? this.#remember : this.#compare);
    });
    this.#seen = new GrainTable(geometry.entriesPerTable);
  }

  /** How many grains the tables have that were not seen. */
  get missing(): number {
    return Math.max(0, this.#missing);
  }

  /** Takes a sector before the grains, or leaves it. */
  sector(sector: number, bytes: Buffer, from: number): void {
    for (const directory of this.#directories) directory.sector(sector, bytes, from);
  }

  /**
   * Call when the grains begin.
   *
   * @throws InvalidVmdkError `directory-mismatch`, `table-mismatch`
   */
  endTables(at: number): void {
    for (const directory of this.#directories) directory.end();
    if (this.#directories.length > 1 && this.#compared < this.#tables.length) throw this.#copiesDiffer(at);
  }

  /**
   * A grain was seen.
   *
   * @throws InvalidVmdkError `table-mismatch` if the grains of an earlier table were not those it names
   */
  grain(index: number, sector: number): void {
    const { entriesPerTable } = this.geometry;
    const place = Math.floor(index / entriesPerTable);
    if (place !== this.#place) this.#endTable();
    this.#place = place;
    this.#seen.set(index % entriesPerTable, sector);
    this.#missing -= 1;
  }

  /**
   * Call when all grains have come.
   *
   * @throws InvalidVmdkError `table-mismatch`
   */
  end(): void {
    this.#endTable();
    if (this.#tables.length > 0) throw this.#mismatch(this.#tables.at(0));
  }

  #endTable(): void {
    if (this.#place === -1) return;
    const place = this.#tables.at(0);
    if (place !== this.#place) throw this.#mismatch(place === -1 ? this.#place : Math.min(place, this.#place));
    if (!this.#isDigest(this.#seen, 0)) throw this.#mismatch(place);
    this.#tables.shift();
    this.#seen.clear();
    this.#place = -1;
  }

  #isDigest(table: GrainTable, queued: number): boolean {
    return table.digest().every((number, i) => number === this.#tables.at(1 + i, queued));
  }

  #mismatch(place: number): InvalidVmdkError {
    const at = this.#directories[0]?.byteOf(place) ?? 0;
    return new InvalidVmdkError('table-mismatch', at, `table ${place} does not name the grains that are there`);
  }

  #copiesDiffer(at: number): InvalidVmdkError {
    return new InvalidVmdkError('table-mismatch', at, 'the two copies of the tables differ');
  }

  readonly #remember = (place: number, table: GrainTable): void => {
    this.#tables.push(place, ...table.digest());
    this.#missing += table.count;
  };

  readonly #compare = (place: number, table: GrainTable, at: number): void => {
    const queued = this.#compared++;
    if (this.#tables.at(0, queued) !== place || !this.#isDigest(table, queued)) throw this.#copiesDiffer(at);
  };
}
