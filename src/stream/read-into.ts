import type { Readable } from 'node:stream';
import { StoreError } from '../errors/index.js';

/** The method by which a stream that this package made, in whichever of its copies, gives its bytes without a copy. */
export const fills: unique symbol = Symbol.for('vmdk-driver/fills-memory');

/** A stream that can write all of its bytes into memory, which must have room for them, as long as nobody has read from it. */
export interface FillingStream extends Readable {
  /** The stream's length, in bytes. */
  readonly remainingBytes: number;
  /** @returns how many bytes it wrote */
  [fills](memory: Uint8Array): Promise<number>;
}

/**
 * Reads a stream to its end into memory, from its beginning.
 *
 * @returns how many bytes came
 * @throws StoreError where there are more than there is room for
 */
export async function readInto(stream: Readable, memory: Uint8Array): Promise<number> {
  if (isFilling(stream) && isUntouched(stream) && stream.remainingBytes <= memory.length) return stream[fills](memory);
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

/** Whether nobody has read from a stream, or waits for what it gives and would get nothing. */
function isUntouched(stream: Readable): boolean {
  const { readableFlowing, readableDidRead, readableLength, destroyed } = stream;
  const isHeard = ['data', 'readable', 'end'].some((event) => stream.listenerCount(event) > 0);
  return readableFlowing === null && !readableDidRead && readableLength === 0 && !destroyed && !isHeard;
}
