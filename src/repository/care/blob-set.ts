import type { BlobAddress } from '../format/blob.js';

/** A set of blobs, at a bit each: of a disk of 2 TiB some 4 MiB. */
export class BlobSet {
  readonly #packs = new Map<string, Uint8Array>();

  /** @returns whether it was not there before */
  add({ pack, ordinal }: BlobAddress): boolean {
    let bits = this.#packs.get(pack);
    if (bits === undefined || bits.length <= ordinal >> 3) {
      const larger = new Uint8Array(Math.max(64, 2 * (bits?.length ?? 0), (ordinal >> 3) + 1));
      larger.set(bits ?? []);
      this.#packs.set(pack, (bits = larger));
    }
    const [byte = 0, bit] = [bits[ordinal >> 3], 1 << (ordinal & 7)];
    bits[ordinal >> 3] = byte | bit;
    return (byte & bit) === 0;
  }

  has({ pack, ordinal }: BlobAddress): boolean {
    return ((this.#packs.get(pack)?.[ordinal >> 3] ?? 0) & (1 << (ordinal & 7))) !== 0;
  }
}
