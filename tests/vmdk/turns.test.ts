import { beforeAll, describe, expect, test } from '@jest/globals';
import { encodeVmdkStream, inspectVmdk, verifyVmdk } from '../../src/vmdk/index.js';
import { hasTurns, longestTurn } from '../support/main-thread-turns.js';
import { buildVmdk } from './support/build-vmdk.js';
import { collect, diskOf, GRAIN, noise } from './support/disks.js';

if (!hasTurns) console.warn("SKIPPED: the main thread's turns, which cannot be measured here");

/** CPU time of the main thread in a turn, at most, in milliseconds. */
const limit = 50;

(hasTurns ? describe : describe.skip)('what lies in memory does not hold the main thread', () => {
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
    const inspected = await longestTurn(() => inspectVmdk(one(stream)));
    expect(inspected.turnMs).toBeLessThan(limit);
    const verified = await longestTurn(() => verifyVmdk(one(stream), { workers: 1 }));
    expect(verified.turnMs).toBeLessThan(limit);
  });

  test('a million chunks of nothing', async () => {
    expect((await longestTurn(() => inspectVmdk(many(stream, 1e6)))).turnMs).toBeLessThan(limit);
    expect((await longestTurn(() => verifyVmdk(many(stream, 1e6), { workers: 1 }))).turnMs).toBeLessThan(limit);
  });

  test('encoding 8 GiB of zeros', async () => {
    const read = (buffer: Buffer): Promise<number> => {
      buffer.fill(0);
      return Promise.resolve(buffer.length);
    };
    const encode = () => collect(encodeVmdkStream({ capacityBytes: 8 * 2 ** 30, read }, { workers: 1 }));
    expect((await longestTurn(encode)).turnMs).toBeLessThan(limit);
  });

  test('encoding a disk of 64 TiB, of which most is holes', async () => {
    const disk = diskOf(2 ** 46, new Map([...Array(3).keys()].map((i) => [i * 2 ** 28, noise(`${i}`, GRAIN)])));
    expect((await longestTurn(() => collect(encodeVmdkStream(disk, { workers: 1 })))).turnMs).toBeLessThan(limit);
  });

  test('a million grains of 4 KiB', async () => {
    const grain = Buffer.alloc(4096, 'x');
    const grains = new Map([...Array(200_000).keys()].map((i) => [i, grain]));
    for (const layout of ['esxi', 'front', 'qemu'] as const) {
      const { bytes } = buildVmdk({ layout, capacity: 200_000 * 8, grainSize: 8, grains });
      expect((await longestTurn(() => inspectVmdk(one(bytes)))).turnMs).toBeLessThan(limit);
      expect((await longestTurn(() => verifyVmdk(one(bytes), { workers: 1 }))).turnMs).toBeLessThan(limit);
    }
  });
});
