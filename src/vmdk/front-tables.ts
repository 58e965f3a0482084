import { InvalidVmdkError } from '../errors/invalid-vmdk-error.js';
import { FrontDirectory } from './front-directory.js';
import type { GrainGeometry } from './grain-geometry.js';
import type { SparseHeader } from './header.js';
import { U32Queue } from './u32-queue.js';

/**
 * Checks grains against tables that stand before them. Where there is a redundant copy (qemu-img writes one), both must
 * say the same.
 *
 * What the tables say is remembered until the grains come, at eight bytes for each grain that is there.
 */
export class FrontTables {
  /** Grains the tables have: place on the disk in grains, sector. */
  readonly #entries = new U32Queue();
  readonly #directories: FrontDirectory[];
  #compared = 0;

  constructor({ gdOffset, rgdOffset }: SparseHeader, geometry: GrainGeometry) {
    const offsets = rgdOffset === 0 ? [gdOffset] : [gdOffset, rgdOffset].sort((a, b) => a - b);
    this.#directories = offsets.map((offset, i) => {
      return new FrontDirectory(offset, geometry, i === 0 ? this.#remember : this.#compare);
    });
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
    if (this.#directories.length > 1 && this.#compared < this.#entries.length) {
      throw new InvalidVmdkError('table-mismatch', at, 'the two copies of the tables differ');
    }
  }

  /**
   * A grain was seen.
   *
   * @param at - its marker's byte
   * @throws InvalidVmdkError `table-mismatch`
   */
  grain(index: number, sector: number, at: number): void {
    if (this.#entries.first() !== index || this.#entries.second() !== sector) {
      throw new InvalidVmdkError('table-mismatch', at, `the tables do not have grain ${index} at sector ${sector}`);
    }
    this.#entries.shift();
  }

  /** How many grains the tables have that were not seen. */
  get missing(): number {
    return this.#entries.length;
  }

  readonly #remember = (grain: number, sector: number): void => {
    this.#entries.push(grain, sector);
  };

  readonly #compare = (grain: number, sector: number, at: number): void => {
    const place = this.#compared++;
    if (this.#entries.first(place) !== grain || this.#entries.second(place) !== sector) {
      throw new InvalidVmdkError('table-mismatch', at, 'the two copies of the tables differ');
    }
  };
}
