/**
 * Gets a stream as it passes a parser, in its own order and as it was received. What `data`, `padding` and `structure` get,
 * and a marker of 12 bytes for each `begin` (sector on the disk, size), is every byte of the stream. The bytes are the
 * parser's again when the method returns.
 */
export interface StreamVisitor {
  /**
   * A grain's data follows, `size` bytes of it. `index` is its place on the disk in grains, `at` its marker's byte.
   *
   * @returns false to be asked again: the parser then stops before the grain
   */
  begin(index: number, size: number, at: number): boolean;
  /** A piece of the grain's data: `bytes` from `from` to `to`. */
  data(bytes: Buffer, from: number, to: number): void;
  /** A piece of what fills a grain's last sector. */
  padding?(bytes: Buffer, from: number, to: number): void;
  /**
   * A piece of what is not grains: what is before the first, tables and all markers but theirs, and what follows the end.
   * Seen before it is judged.
   */
  structure?(bytes: Buffer, from: number, to: number): void;
}
