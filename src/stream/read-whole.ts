import type { Readable } from 'node:stream';
import { StoreError } from '../errors/index.js';
import { joinPieces } from './join-pieces.js';

/** Far more than anything that is read in one piece should have: a stream without end must not take all memory. */
const mostBytes = 512 * 1024 * 1024;

/**
 * Reads a stream to its end into one piece of memory; what comes in one piece is not copied.
 *
 * @param limit how many bytes it may have
 * @throws StoreError where it has more
 */
export async function readWhole(stream: Readable, limit = mostBytes): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const piece = chunk as Buffer;
    length += piece.length;
    if (length > limit) throw new StoreError('integrity', `more than the ${limit} bytes came that may be there`);
    pieces.push(piece);
  }
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : joinPieces(pieces);
}
