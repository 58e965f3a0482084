import { hash } from 'node:crypto';

/** Numbers that a table's digest has. */
export const DIGEST_NUMBERS = 4;
/** An entry's place in the table, and its sector. */
const PAIR_BYTES = 8;

/**
 * A grain table: for each of its grains the sector at which it is. It keeps what was entered, in its order, and not what was
 * not: the work is that of the grains which come, and not of the tables that a header tells of.
 */
export class GrainTable {
  readonly #pairs: Buffer;
  #count = 0;

  /** @param entries - how many grains a table is for */
  constructor(readonly entries: number) {
    this.#pairs = Buffer.alloc(entries * PAIR_BYTES);
  }

  /** How many grains it has. */
  get count(): number {
    return this.#count;
  }

  /** Enters a grain that is behind those that it has. */
  set(entry: number, sector: number): void {
    const at = this.#count * PAIR_BYTES;
    this.#pairs.writeUInt32LE(entry, at);
    this.#pairs.writeUInt32LE(sector, at + 4);
    this.#count += 1;
  }

  clear(): void {
    this.#count = 0;
  }

  /** The first entry in which another table differs, or -1. */
  difference(other: GrainTable): number {
    const [own, others] = [this.#known(), other.#known()];
    if (own.equals(others)) return -1;
    let at = 0;
    while (Buffer.compare(own.subarray(at, at + PAIR_BYTES), others.subarray(at, at + PAIR_BYTES)) === 0)
      at += PAIR_BYTES;
    return Math.min(...[own, others].map((pairs) => (at < pairs.length ? pairs.readUInt32LE(at) : Infinity)));
  }

  /**
   * Numbers that tell whether another table is the same, so that tables need not be kept until they are needed: a disk of
   * 16 TiB has a GiB of them.
   */
  digest(): number[] {
    const digest = hash('sha256', this.#known(), 'buffer');
    return Array.from({ length: DIGEST_NUMBERS }, (_, i) => digest.readUInt32LE(i * 4));
  }

  #known(): Buffer {
    return this.#pairs.subarray(0, this.#count * PAIR_BYTES);
  }
}
