import { existsSync } from 'node:fs';
import { beforeAll, expect, test } from '@jest/globals';
import { encodeVmdkStream, inspectVmdk, verifyVmdk } from '../../src/vmdk/index.js';
import { needing } from '../support/needing.js';
import { longestTurnOfBest } from '../support/turn-probe.js';
import { buildVmdk } from './support/build-vmdk.js';
import { collect, diskOf, GRAIN, noise } from './support/disks.js';

/** CPU time of the main thread in a turn, at most, in milliseconds. */
const limit = 50;

needing(existsSync('/proc/self/task'), 'the main thread cannot be measured').describe(
  'what lies in memory does not hold the main thread',
  () => {
    let stream: Buffer;
    beforeAll(async () => {
      const grains = new Map([...Array(1600).keys()].map((i) => [i, noise(`${i % 7}`, GRAIN)]));
      stream = await collect(encodeVmdkStream(diskOf(1600 * GRAIN, grains)));
      // What is compiled in the middle of the measurement is none of it.
      await inspectVmdk(one(stream));
    });
    async function* one(bytes: Buffer): AsyncGenerator<Buffer> {
      yield bytes;
    }
    async function* many(bytes: Buffer, times: number): AsyncGenerator<Buffer> {
      yield bytes.subarray(0, -512);
      for (let i = 0; i < times; i++) yield Buffer.alloc(0);
      yield bytes.subarray(-512);
    }

    test('one chunk of 100 MiB', async () => {
      const inspected = await longestTurnOfBest(limit, () => inspectVmdk(one(stream)));
      expect(inspected.cpuMs).toBeLessThan(limit);
      const verified = await longestTurnOfBest(limit, () => verifyVmdk(one(stream), { workers: 1 }));
      expect(verified.cpuMs).toBeLessThan(limit);
    });

    test('many chunks of nothing', async () => {
      expect((await longestTurnOfBest(limit, () => inspectVmdk(many(stream, 3e5)))).cpuMs).toBeLessThan(limit);
      expect((await longestTurnOfBest(limit, () => verifyVmdk(many(stream, 3e5), { workers: 1 }))).cpuMs).toBeLessThan(
        limit,
      );
    });

    test('encoding 2 GiB of zeros', async () => {
      const read = (buffer: Buffer): Promise<number> => {
        buffer.fill(0);
        return Promise.resolve(buffer.length);
      };
      const encode = () => collect(encodeVmdkStream({ capacityBytes: 2 * 2 ** 30, read }, { workers: 1 }));
      expect((await longestTurnOfBest(limit, encode)).cpuMs).toBeLessThan(limit);
    });

    test('encoding a disk of 64 TiB, of which most is holes', async () => {
      const disk = diskOf(2 ** 46, new Map([...Array(3).keys()].map((i) => [i * 2 ** 28, noise(`${i}`, GRAIN)])));
      expect(
        (await longestTurnOfBest(limit, () => collect(encodeVmdkStream(disk, { workers: 1 })))).cpuMs,
      ).toBeLessThan(limit);
    });

    test('grains of as many tables as a header can tell of, which do not come', async () => {
      const grains = new Map([[0, Buffer.alloc(4096)]]);
      const { bytes, overhead } = buildVmdk({
        layout: 'esxi',
        capacity: 2 ** 33,
        grainSize: 8,
        entriesPerTable: 65_536,
        grains,
      });
      const parts = [...Array(3000).keys()].map((i) => {
        const grain = Buffer.alloc(512);
        grain.writeBigUInt64LE(BigInt(i * 65_536 * 8), 0);
        grain.writeUInt32LE(4, 8);
        return grain;
      });
      const stream = Buffer.concat([bytes.subarray(0, overhead), ...parts]);
      const { result, cpuMs } = await longestTurnOfBest(limit, () =>
        inspectVmdk(one(stream)).catch((error: unknown) => error),
      );
      expect(result).toMatchObject({ reason: 'truncated' });
      expect(cpuMs).toBeLessThan(limit);
    });

    test('grains of 4 KiB', async () => {
      const grain = Buffer.alloc(4096, 'x');
      const grains = new Map([...Array(10_000).keys()].map((i) => [i, grain]));
      for (const layout of ['esxi', 'front', 'qemu'] as const) {
        const { bytes } = buildVmdk({ layout, capacity: 10_000 * 8, grainSize: 8, grains });
        expect((await longestTurnOfBest(limit, () => inspectVmdk(one(bytes)))).cpuMs).toBeLessThan(limit);
        expect((await longestTurnOfBest(limit, () => verifyVmdk(one(bytes), { workers: 1 }))).cpuMs).toBeLessThan(
          limit,
        );
      }
    });
  },
);
