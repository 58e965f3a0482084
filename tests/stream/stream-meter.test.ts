import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { ReadableChunks } from '../../src/stream/readable-chunks.js';
import { StreamMeter } from '../../src/stream/stream-meter.js';
import { inspectVmdk } from '../../src/vmdk/index.js';
import { validVmdk } from '../support/vmdk-mutations.js';
import { readAll, sha1, sha256 } from './support/chunks.js';

const pieces = (bytes: Buffer, length: number) =>
  Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
    })(),
  );

const meterOf = (
  bytes: Buffer,
  length: number,
  onBytes: (streamBytes: number, coveredBytes: number) => void,
  sha1?: boolean,
) =>
  StreamMeter.open(async (look) => new ReadableChunks(pieces(bytes, length), { look }), {
    onBytes: ({ streamBytes, coveredBytes }) => {
      onBytes(streamBytes, coveredBytes);
    },
    sha1,
  });

describe('a measured stream', () => {
  test.each(['esxi', 'front', 'patched', 'qemu'] as const)(
    'is what it is, in the %s layout and pieces of any size',
    async (layout) => {
      const { bytes } = validVmdk(layout);
      const info = await inspectVmdk(Readable.from([bytes]));
      for (const length of [512, 1009, bytes.length]) {
        const progress: [number, number][] = [];
        const meter = await meterOf(bytes, length, (...come) => progress.push(come), true);
        expect(() => meter.measured).toThrow('not ended');
        expect((await readAll(meter)).bytes.equals(bytes)).toBe(true);
        expect(meter.measured).toEqual({ streamBytes: bytes.length, sha256: sha256(bytes), sha1: sha1(bytes), info });
        // As the bytes come, not as chunks are full.
        expect(progress).toHaveLength(Math.ceil(bytes.length / length));
        expect(progress.at(-1)?.[0]).toBe(bytes.length);
      }
    },
  );

  test('has no SHA-1 where none was asked for', async () => {
    const meter = await meterOf(validVmdk('esxi').bytes, 4096, () => undefined);
    await readAll(meter);
    expect(meter.measured.sha1).toBeUndefined();
  });

  test.each([1, 512, 2_000_000])('is measured, and goes on, without %d zeros behind its end', async (zeros) => {
    const { bytes } = validVmdk('esxi');
    for (const length of [1000, 65_536]) {
      const meter = await meterOf(Buffer.concat([bytes, Buffer.alloc(zeros)]), length, () => undefined);
      expect((await readAll(meter)).bytes.equals(bytes)).toBe(true);
      expect(meter.measured).toMatchObject({
        streamBytes: bytes.length,
        sha256: sha256(bytes),
        info: { paddingBytes: zeros },
      });
    }
  });

  test('with anything but zeros behind its end is refused', async () => {
    const behind = Buffer.alloc(1000);
    behind[999] = 1;
    const meter = await meterOf(Buffer.concat([validVmdk('esxi').bytes, behind]), 4096, () => undefined);
    await expect(readAll(meter)).rejects.toMatchObject({ code: 'INVALID_VMDK' });
  });

  test('that ends early is refused at its end', async () => {
    const { bytes } = validVmdk('esxi');
    const meter = await meterOf(bytes.subarray(0, bytes.length - 512), 4096, () => undefined);
    await expect(readAll(meter)).rejects.toMatchObject({ code: 'INVALID_VMDK', reason: 'truncated' });
  });

  test('that is none is refused at once', async () => {
    let come = 0;
    const meter = await meterOf(Buffer.alloc(1_000_000, 1), 4096, () => come++);
    await expect(readAll(meter)).rejects.toMatchObject({ code: 'INVALID_VMDK' });
    expect(come).toBe(0);
    await meter.close();
  });
});
