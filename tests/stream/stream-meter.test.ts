import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HashOfStream } from '../../src/stream/hash-of-stream.js';
import { StreamMeter, type MeterOptions } from '../../src/stream/stream-meter.js';
import { LAYOUTS, validVmdk } from '../support/vmdk-mutations.js';
import { collect } from '../vmdk/support/disks.js';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function* slices(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function meter(bytes: Buffer, size: number, options?: MeterOptions) {
  const metered = new StreamMeter(() => undefined, options);
  let passed: Buffer = Buffer.alloc(0);
  await pipeline(Readable.from(slices(bytes, size)), metered, async (stream) => {
    passed = await collect(stream as AsyncIterable<Uint8Array>);
  });
  return { passed, ...metered.measured };
}

describe.each(LAYOUTS)('a meter of a stream in the layout %s', (layout) => {
  const { bytes } = validVmdk(layout, { qemuEndOfStream: true });
  const padded = Buffer.concat([bytes, Buffer.alloc(10_000)]);

  test.each([777, 65_536, 2 ** 22])('leaves zeros behind its end out, in chunks of %i bytes', async (size) => {
    for (const input of [bytes, padded]) {
      const { passed, streamBytes, ...measured } = await meter(input, size);
      expect(passed.equals(bytes)).toBe(true);
      expect(streamBytes).toBe(bytes.length);
      expect(measured).toMatchObject({
        sha256: sha256(bytes),
        sha1: undefined,
        info: { streamBytes: bytes.length, paddingBytes: input.length - bytes.length },
      });
    }
  });

  test.each([
    ['none of them', bytes.length, bytes.length],
    ['some of them', bytes.length + 1000, bytes.length + 1000],
    ['more than there are', padded.length + 5, padded.length],
    ['less than the stream', 1000, bytes.length],
  ])('takes as many of them as its manifest counts: %s', async (_what, counted, taken) => {
    const { passed, streamBytes, sha256: digest } = await meter(padded, 4096, { streamBytes: counted });
    expect([passed.length, streamBytes]).toEqual([taken, taken]);
    expect(digest).toBe(sha256(padded.subarray(0, taken)));
  });
});

describe('the hash of a stream whose end is known at the end', () => {
  const bytes = Buffer.concat([Buffer.alloc(7000), Buffer.from('abc'), Buffer.alloc(150_000), Buffer.from('d')]);
  const padded = Buffer.concat([bytes, Buffer.alloc(140_000)]);

  test.each([7, 7001, 70_001, 2 ** 20])('is that of its own bytes, in chunks of %i', (size) => {
    for (const own of [bytes.length, bytes.length + 1, bytes.length + 130_000, padded.length]) {
      const hash = new HashOfStream();
      for (const chunk of slices(padded, size)) hash.update(chunk);
      expect(hash.digest(own)).toBe(sha256(padded.subarray(0, own)));
    }
  });
});
