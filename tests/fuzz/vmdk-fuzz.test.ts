import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeVmdkStream } from '../../src/vmdk/index.js';
import { LAYOUTS, MUTATED_CAPACITY, mutatedGrains, validVmdk } from '../support/vmdk-mutations.js';
import { chunked, diskOf, MemoryDisk } from '../vmdk/support/disks.js';
import { inspectBytes, refusal } from '../vmdk/support/outcome.js';

const streams = new Map(LAYOUTS.map((layout) => [layout, validVmdk(layout)]));
const disk = diskOf(MUTATED_CAPACITY * 512, mutatedGrains()).digest();

/** Places where something is, rather than the zeros most of a small stream consists of. */
function places(length: number): fc.Arbitrary<number> {
  return fc.oneof(
    fc.nat(length - 1),
    fc.tuple(fc.nat(Math.floor(length / 512) - 1), fc.nat(80)).map(([sector, within]) => sector * 512 + within),
    fc.nat(1400),
  );
}

function mutation(bytes: Buffer): fc.Arbitrary<Buffer> {
  const place = places(bytes.length);
  const length = fc.oneof(fc.integer({ min: 1, max: 16 }), fc.constantFrom(512, 1024, 4096, 66_048));
  const edited = (change: (copy: Buffer) => void): Buffer => {
    const copy = Buffer.from(bytes);
    change(copy);
    return copy;
  };
  const value = fc.oneof(
    fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
    fc.nat(1000),
    fc.nat(0xffff_ffff),
  );
  return fc.oneof(
    fc.tuple(place, fc.integer({ min: 0, max: 7 })).map(([at, bit]) => edited((b) => (b[at]! ^= 1 << bit))),
    fc
      .tuple(place, value)
      .map(([at, number]) => edited((b) => b.writeUInt32LE(number, Math.min(at & ~3, b.length - 4)))),
    fc.tuple(place, place, length).map(([to, from, count]) => edited((b) => b.copyWithin(to, from, from + count))),
    fc.tuple(place, length).map(([at, count]) => edited((b) => b.fill(0, at, Math.min(at + count, b.length)))),
    fc.tuple(place, length).map(([at, count]) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + count)])),
    fc.tuple(place, length).map(([at, count]) => {
      return Buffer.concat([bytes.subarray(0, at + count), bytes.subarray(at)]);
    }),
    place.map((at) => bytes.subarray(0, at)),
  );
}

describe.each(LAYOUTS)('mutated streams: %s', (layout) => {
  const valid = streams.get(layout)!.bytes;

  test('are refused, or decode to the same disk', async () => {
    await fc.assert(
      fc.asyncProperty(mutation(valid), async (bytes) => {
        if ((await refusal(() => inspectBytes(bytes))) !== undefined) return;
        const copy = new MemoryDisk(0);
        const refused = await refusal(() => decodeVmdkStream(chunked(bytes), copy, { workers: 1 }));
        if (refused === undefined) {
          expect(copy.digest()).toBe(disk);
          expect(copy.truncatedTo).toBe(MUTATED_CAPACITY * 512);
        }
      }),
      { numRuns: Number(process.env['VMDK_FUZZ_RUNS'] ?? 40) },
    );
  }, 600_000);

  test('are understood the same in chunks of any sizes', () => {
    fc.assert(
      fc.property(mutation(valid), fc.integer({ min: 7, max: 5000 }), (bytes, chunkBytes) => {
        const outcome = (size: number): unknown => {
          try {
            return inspectBytes(bytes, size);
          } catch (error) {
            return String(error);
          }
        };
        expect(outcome(chunkBytes)).toEqual(outcome(bytes.length || 1));
      }),
      { numRuns: 40 },
    );
  });
});

test('arbitrary bytes are refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async (bytes) => {
      expect(await refusal(() => inspectBytes(Buffer.from(bytes)))).toMatch(/@/);
    }),
  );
});
