import { markerType } from './stream-tail.js';

/**
 * The recipe of a stream: how to write it again from its grains. It is a list of operations, each a byte and its arguments
 * (docs/repository-format.md).
 */
export const operation = {
  /** A length, and so many bytes as they are. */
  verbatim: 0,
  /** A count: so many of the next grains, each with marker and padding. */
  grains: 1,
  /** The table of the last grain. */
  grainTable: 2,
  /** The grain directory. */
  grainDirectory: 3,
  footer: 4,
  endOfStream: 5,
  /** A progress marker with the sector it tells. */
  progress: 6,
  /** A length, and so many bytes: the last grain's padding, which is not zeros, or not as long as usual. */
  padding: 7,
} as const;

/** The blocks of metadata that can be told, by the operation that stands for each. */
export const markerOf: ReadonlyMap<number, number> = new Map([
  [operation.endOfStream, markerType.endOfStream],
  [operation.grainTable, markerType.grainTable],
  [operation.grainDirectory, markerType.grainDirectory],
  [operation.footer, markerType.footer],
]);

/** The operation that stands for each of these blocks. */
export const operationOf: ReadonlyMap<number, number> = new Map([...markerOf].map(([code, marker]) => [marker, code]));
