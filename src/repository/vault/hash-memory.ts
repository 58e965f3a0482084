import { digestBytes, digestPieces } from '../../stream/piece-digests.js';
import { keyBytes } from '../format/blob.js';
import { hashPieces } from './hash-pieces.js';

/** A memory with pieces, and their keys. */
export interface KeyedMemory {
  /** It may have become another object than it was. */
  readonly memory: Buffer<ArrayBuffer>;
  readonly keys: readonly Uint8Array[];
}

/** Bytes that are hashed where they are: another thread would not have answered sooner. */
const fewBytes = 128 * 1024;

/**
 * The first {@link keyBytes} bytes of the SHA-256 of each piece of a memory, or of its HMAC where there is a secret. Another thread
 * takes them.
 *
 * @param memory all of its own buffer; nobody may look at it until this resolves to it
 * @param bounds where each piece begins and ends in the memory
 * @param secret what only the repository's users know
 * @throws ThreadError
 */
export async function hashMemory(
  memory: Buffer<ArrayBuffer>,
  bounds: Uint32Array,
  secret?: Uint8Array,
): Promise<KeyedMemory> {
  const places = Array.from({ length: bounds.length / 2 }, (_, place) => 2 * place);
  const pieces = places.map((place) => memory.subarray(bounds[place], bounds[place + 1]));
  if (pieces.reduce((sum, { length }) => sum + length, 0) <= fewBytes) {
    return { memory, keys: await hashPieces(pieces, secret) };
  }
  const digested = await digestPieces(memory, bounds, secret);
  const keys = pieces.map((_, place) => digested.digests.subarray(place * digestBytes, place * digestBytes + keyBytes));
  return { memory: digested.memory, keys };
}
