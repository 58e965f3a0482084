import type { Readable } from 'node:stream';
import { StoreError } from '../errors/index.js';

/**
 * Reads a stream to its end into one piece of memory; what comes in one piece is not copied.
 *
 * @param length how many bytes it has, where that is known
 * @throws StoreError where it has more
 */
export async function readWhole(stream: Readable, length?: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let [memory, filled]: [Buffer | undefined, number] = [undefined, 0];
  for await (const chunk of stream) {
    const piece = chunk as Buffer;
    if (length === undefined) {
      pieces.push(piece);
      continue;
    }
    if (filled === 0 && piece.length === length) {
      memory = piece;
    } else {
      memory ??= Buffer.allocUnsafeSlow(length);
      if (filled + piece.length > length)
        throw new StoreError('integrity', `more than the ${length} bytes came that were asked for`);
      memory.set(piece, filled);
    }
    filled += piece.length;
  }
  if (length === undefined) return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
  return memory?.subarray(0, filled) ?? Buffer.alloc(0);
}
