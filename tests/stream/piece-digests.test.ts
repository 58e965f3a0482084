import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { digestBytes, digestPieces } from '../../src/stream/piece-digests.js';
import { chunkOf, mebibyte, sha256 } from './support/chunks.js';

const hex = (digests: Uint8Array): string[] =>
  Array.from({ length: digests.length / digestBytes }, (_, place) =>
    Buffer.from(digests.subarray(place * digestBytes, (place + 1) * digestBytes)).toString('hex'),
  );

describe('digests of pieces', () => {
  const bytes = randomBytes(mebibyte);
  const bounds = Uint32Array.from([0, 65_536, 65_536, 65_537, 70_000, 70_000, 500_000, mebibyte]);
  const pieces = [bytes.subarray(0, 65_536), bytes.subarray(65_536, 65_537), Buffer.alloc(0), bytes.subarray(500_000)];

  test('are of each piece, and the memory comes back moved, not copied', async () => {
    const given = chunkOf(bytes);
    const { buffer } = given;
    const { memory, digests } = await digestPieces(given, bounds);
    expect(buffer.byteLength).toBe(0);
    expect(memory.equals(bytes)).toBe(true);
    expect(hex(digests)).toEqual(pieces.map(sha256));
  });

  test('are HMACs where there is a secret', async () => {
    const secret = randomBytes(32);
    const { digests } = await digestPieces(chunkOf(bytes), bounds, secret);
    expect(hex(digests)).toEqual(pieces.map((piece) => createHmac('sha256', secret).update(piece).digest('hex')));
    expect(secret).toHaveLength(32);
  });

  test('are right where several memories are away at once', async () => {
    const memories = Array.from({ length: 20 }, () => randomBytes(100_000));
    const digested = await Promise.all(
      memories.map((memory) => digestPieces(chunkOf(memory), Uint32Array.from([0, 100_000]))),
    );
    expect(digested.flatMap(({ digests }) => hex(digests))).toEqual(memories.map(sha256));
    expect(digested.every(({ memory }, place) => memory.equals(memories[place]!))).toBe(true);
  });
});
