import { EventLoopTurns } from '../event-loop-turns.js';
import { chunkBytes } from './chunk-bytes.js';

/** Joins pieces to one, over several turns of the event loop: to copy hundreds of megabytes would hold the main thread. */
export async function joinPieces(pieces: readonly Uint8Array[]): Promise<Buffer<ArrayBuffer>> {
  const turns = new EventLoopTurns();
  const joined = Buffer.allocUnsafe(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    for (let from = 0; from < piece.length; from += chunkBytes) {
      await turns.pause();
      const part = piece.subarray(from, from + chunkBytes);
      joined.set(part, at);
      at += part.length;
    }
  }
  return joined;
}
