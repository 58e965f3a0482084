import { createHmac, hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { keyBytes } from '../format/blob.js';

/** Bytes hashed before others get their turn: some 5 ms of a slow processor. */
const turnBytes = 1024 * 1024;

/**
 * The first {@link keyBytes} bytes of each piece's SHA-256, or of its HMAC where there is a secret.
 *
 * @param secret what only the repository's users know
 */
export async function hashPieces(pieces: readonly Uint8Array[], secret?: Uint8Array): Promise<Uint8Array[]> {
  const keys: Uint8Array[] = [];
  let inTurn = 0;
  for (const piece of pieces) {
    const digest =
      secret === undefined ? hash('sha256', piece, 'buffer') : createHmac('sha256', secret).update(piece).digest();
    keys.push(digest.subarray(0, keyBytes));
    inTurn += piece.length;
    if (inTurn < turnBytes) continue;
    inTurn = 0;
    await setImmediate();
  }
  return keys;
}
