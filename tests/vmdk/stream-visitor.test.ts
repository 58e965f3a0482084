import { describe, expect, test } from '@jest/globals';
import { StreamParser } from '../../src/vmdk/stream-parser.js';
import type { StreamVisitor } from '../../src/vmdk/stream-visitor.js';
import { LAYOUTS, validVmdk } from '../support/vmdk-mutations.js';

/** Puts together again what it gets, and keeps the grains by themselves. */
class Recorder implements StreamVisitor {
  readonly parts: Buffer[] = [];
  readonly grains: { index: number; size: number; at: number; pieces: Buffer[] }[] = [];
  #refusals = 0;

  constructor(readonly grainSectors: number) {}

  begin(index: number, size: number, at: number): boolean {
    // Every other time it is not ready.
    if (this.#refusals++ % 2 === 0) return false;
    const marker = Buffer.alloc(12);
    marker.writeBigUInt64LE(BigInt(index * this.grainSectors), 0);
    marker.writeUInt32LE(size, 8);
    this.parts.push(marker);
    this.grains.push({ index, size, at, pieces: [] });
    return true;
  }

  data(bytes: Buffer, from: number, to: number): void {
    const piece = Buffer.from(bytes.subarray(from, to));
    this.parts.push(piece);
    this.grains.at(-1)!.pieces.push(piece);
  }

  padding(bytes: Buffer, from: number, to: number): void {
    this.parts.push(Buffer.from(bytes.subarray(from, to)));
  }

  structure(bytes: Buffer, from: number, to: number): void {
    this.parts.push(Buffer.from(bytes.subarray(from, to)));
  }
}

describe.each(LAYOUTS)('what a visitor gets of a stream: %s', (layout) => {
  const { bytes, grains } = validVmdk(layout, { progressBefore: [511], qemuEndOfStream: true });
  // A grain's padding need not be zeros, and is part of the stream.
  bytes[grains[0]!.data + grains[0]!.size] = 7;

  test.each([1, 12, 100, 512, 5000, 65_536, 2 ** 22])('is all of it, in chunks of %i bytes', (chunkBytes) => {
    const recorder = new Recorder(128);
    const parser = new StreamParser(recorder);
    const padded = Buffer.concat([bytes, Buffer.alloc(3000)]);
    for (let at = 0; at < padded.length; at += chunkBytes) {
      const chunk = padded.subarray(at, at + chunkBytes);
      for (let from = 0; from < chunk.length;) from = parser.parse(chunk, from);
    }
    expect(parser.end()).toMatchObject({ streamBytes: bytes.length, paddingBytes: 3000 });
    expect(Buffer.concat(recorder.parts).equals(padded)).toBe(true);
    expect(recorder.grains.map(({ index, size, at }) => ({ index, size, at }))).toEqual(
      grains.map(({ index, size, marker }) => ({ index, size, at: marker })),
    );
    expect(
      recorder.grains.every(({ at, size, pieces }) =>
        Buffer.concat(pieces).equals(bytes.subarray(at + 12, at + 12 + size)),
      ),
    ).toBe(true);
  });
});
