import type { Readable } from 'node:stream';
import { StoreError } from '../errors/index.js';

/** The method by which a stream that this package made, in whichever of its copies, gives its bytes without a copy. */
export const fills: unique symbol = Symbol.for('vmdk-driver/fills-memory');

/** A stream nobody has read from yet that can write all of its bytes into memory, which must have room for them. */
export interface FillingStream extends Readable {
  /** The stream's length, in bytes. */
  readonly remainingBytes: number;
  [fills](memory: Uint8Array): Promise<void>;
}

/**
 * Reads a stream to its end into memory, from its beginning.
 *
 * @returns how many bytes came
 * @throws StoreError where there are more than there is room for
 */
export async function readInto(stream: Readable, memory: Uint8Array): Promise<number> {
  if (isFilling(stream) && stream.remainingBytes <= memory.length) {
    const { remainingBytes } = stream;
    await stream[fills](memory);
    return remainingBytes;
  }
  let filled = 0;
  for await (const chunk of stream) {
    const piece = chunk as Uint8Array;
    if (filled + piece.length > memory.length) {
      throw new StoreError('integrity', `more than the ${memory.length} bytes came that were asked for`);
    }
    memory.set(piece, filled);
    filled += piece.length;
  }
  return filled;
}

function isFilling(stream: Readable): stream is FillingStream {
  return fills in stream;
}
