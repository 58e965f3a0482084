import { hash } from 'node:crypto';

/** Numbers that a table's digest has. */
export const DIGEST_NUMBERS = 4;

/** A grain table: for each of its grains the sector at which it is, or 0. */
export class GrainTable {
  readonly #bytes: Buffer;
  #count = 0;

  /** @param entries - how many grains a table is for */
  constructor(readonly entries: number) {
    this.#bytes = Buffer.alloc(entries * 4);
  }

  /** How many grains it has. */
  get count(): number {
    return this.#count;
  }

  /** Enters a grain that it does not have. */
  set(entry: number, sector: number): void {
    this.#bytes.writeUInt32LE(sector, entry * 4);
    this.#count += 1;
  }

  /** A grain's sector, or 0. */
  get(entry: number): number {
    return this.#bytes.readUInt32LE(entry * 4);
  }

  clear(): void {
    if (this.#count > 0) this.#bytes.fill(0);
    this.#count = 0;
  }

  /** The first entry in which another table differs, or -1. */
  difference(other: GrainTable): number {
    if (this.#bytes.equals(other.#bytes)) return -1;
    for (let entry = 0; ; entry++) if (this.get(entry) !== other.get(entry)) return entry;
  }

  /**
   * Numbers that tell whether another table is the same, so that tables need not be kept until they are needed: a disk of
   * 16 TiB has a GiB of them.
   */
  digest(): number[] {
    const digest = hash('sha256', this.#bytes, 'buffer');
    return Array.from({ length: DIGEST_NUMBERS }, (_, i) => digest.readUInt32LE(i * 4));
  }
}
