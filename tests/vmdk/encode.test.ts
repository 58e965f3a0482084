import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AbortError, InvalidInputError } from '../../src/errors/index.js';
import {
  type DataExtent,
  decodeVmdk,
  decodeVmdkStream,
  encodeVmdk,
  encodeVmdkStream,
  verifyVmdk,
} from '../../src/vmdk/index.js';
import { validVmdk } from '../support/vmdk-mutations.js';
import { chunked, collect, diskOf, GRAIN, MemoryDisk, noise, prose } from './support/disks.js';
import { inspectBytes, refusal } from './support/outcome.js';

const MIB = 2 ** 20;
/** Has an entry for each thread, on Linux. */
const TASKS = '/proc/self/task';
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmdk-encode-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

/** Text, noise, zeros and holes; the last grain incomplete. */
function mixedDisk(): MemoryDisk {
  const grains = new Map<number, Buffer>();
  for (let i = 0; i < 60; i++) grains.set(i + 490, i % 3 === 0 ? noise(`${i}`, GRAIN) : prose(`${i}`, GRAIN));
  grains.set(3, Buffer.alloc(GRAIN));
  grains.set(4, Buffer.alloc(GRAIN).fill(1, GRAIN - 1));
  grains.set(1599, prose('last', GRAIN).fill(0, 512));
  return diskOf(1599 * GRAIN + 512, grains);
}

const mixed = mixedDisk();

async function roundTrip(disk: MemoryDisk): Promise<MemoryDisk> {
  const copy = new MemoryDisk(disk.capacityBytes);
  await decodeVmdkStream(encodeVmdkStream(disk, { workers: 1 }), copy, { workers: 1 });
  return copy;
}

describe('encodeVmdkStream', () => {
  test("writes what it is given, and ESXi's layout", async () => {
    const disk = mixed;
    const stream = await collect(encodeVmdkStream(disk, { uuid: '60 00 C2 9f', adapterType: 'pvscsi' }));
    expect(inspectBytes(stream)).toMatchObject({
      layout: 'esxi',
      importable: true,
      version: 3,
      capacityBytes: disk.capacityBytes,
      grainCount: 62,
      descriptor: { uuid: '60 00 C2 9f', adapterType: 'pvscsi' },
    });
    const copy = new MemoryDisk(disk.capacityBytes);
    await decodeVmdkStream(chunked(stream), copy);
    expect(copy.digest()).toBe(disk.digest());
    expect(stream.readBigUInt64LE(64)).toBe(128n);
  });

  test('the same bytes for any number of workers, and however holes are told', async () => {
    const disk = mixed;
    const reference = await collect(encodeVmdkStream(disk, { workers: 1 }));
    for (const workers of [2, 3]) {
      expect(reference.equals(await collect(encodeVmdkStream(disk, { workers })))).toBe(true);
    }
    const { capacityBytes } = disk;
    const read = disk.read.bind(disk);
    expect(reference.equals(await collect(encodeVmdkStream({ capacityBytes, read })))).toBe(true);
    // A source may give less than it is asked for.
    const slow = (buffer: Buffer, position: number) => disk.read(buffer.subarray(0, 10_000), position);
    expect(reference.equals(await collect(encodeVmdkStream({ capacityBytes, read: slow })))).toBe(true);
    async function* ragged() {
      yield { start: 100, end: 100 };
      yield { start: 4 * GRAIN + 7, end: 300 * GRAIN - 1 };
      yield { start: 300 * GRAIN - 1, end: capacityBytes };
    }
    expect(reference.equals(await collect(encodeVmdkStream({ capacityBytes, read, dataExtents: ragged })))).toBe(true);
  });

  test('stores what does not compress, and keeps every grain within what others can read', async () => {
    const disk = diskOf(MIB, new Map([...Array(16).keys()].map((i) => [i, noise(`${i}`, GRAIN)])));
    const stream = await collect(encodeVmdkStream(disk, { workers: 1 }));
    expect(stream.readUInt32LE(128 * 512 + 8)).toBe(65_552);
    expect(stream.length).toBeLessThan(1.08 * MIB + 128 * 512);
  });

  test.each([512, 513, GRAIN, GRAIN + 1, 32 * MIB, 32 * MIB + 512])('a disk of %i bytes', async (capacityBytes) => {
    const disk = diskOf(capacityBytes, new Map([[Math.ceil(capacityBytes / GRAIN) - 1, prose('x', GRAIN).fill(0, 1)]]));
    const copy = await roundTrip(disk);
    expect(copy.digest()).toBe(disk.digest());
    expect(copy.truncatedTo).toBe(Math.ceil(capacityBytes / 512) * 512);
  });

  test('an empty disk', async () => {
    const stream = await collect(encodeVmdkStream(new MemoryDisk(2 ** 30), { workers: 1 }));
    expect(inspectBytes(stream)).toMatchObject({ grainCount: 0, capacityBytes: 2 ** 30 });
    expect(stream.length).toBe(128 * 512 + 512 + 512 + 512 + 512 + 512);
  });

  test('a disk of 62 TiB with data at its ends', async () => {
    const grains = [0, 1, 2 ** 25, 2 ** 26 + 5, 62 * 2 ** 24 - 1];
    const disk = diskOf(62 * 2 ** 40, new Map(grains.map((index) => [index, prose(`${index}`, GRAIN)])));
    const copy = await roundTrip(disk);
    expect([...copy.pages.keys()]).toEqual(grains);
    expect(copy.digest()).toBe(disk.digest());
  });

  test("gives chunks that are its consumer's own", async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of encodeVmdkStream(mixed, { workers: 1 })) chunks.push(chunk);
    expect(chunks.slice(0, -1).every(({ length }) => length === MIB)).toBe(true);
    expect(new Set(chunks.map(({ buffer }) => buffer)).size).toBe(chunks.length);
    expect(inspectBytes(Buffer.concat(chunks)).grainCount).toBe(62);
  });

  test.each([[{ capacityBytes: 0 }], [{ capacityBytes: -1 }], [{ capacityBytes: 1.5 }], [{ capacityBytes: 2 ** 50 }]])(
    'refuses a disk with %j',
    async ({ capacityBytes }) => {
      const source = { capacityBytes, read: () => Promise.resolve(0) };
      await expect(collect(encodeVmdkStream(source))).rejects.toThrow(InvalidInputError);
    },
  );

  test('refuses extents that are out of place', async () => {
    const disk = mixed;
    for (const extents of [
      [
        [0, 20],
        [10, 30],
      ],
      [[50, 20]],
      [[0, 2 ** 40]],
      [[NaN, 5]],
    ] as [number, number][][]) {
      async function* dataExtents() {
        for (const [start, end] of extents) yield { start, end };
      }
      const source = { capacityBytes: disk.capacityBytes, read: disk.read.bind(disk), dataExtents };
      await expect(collect(encodeVmdkStream(source, { workers: 1 }))).rejects.toThrow(InvalidInputError);
    }
  });

  test.each<[unknown]>([
    [null],
    ['0-512'],
    [{ start: '0', end: '512' }],
    [{ start: 0n, end: 512n }],
    [{ start: 0, end: 0.5 }],
  ])('refuses %p for an extent', async (extent) => {
    async function* dataExtents() {
      yield extent as DataExtent;
    }
    const source = { capacityBytes: MIB, read: () => Promise.resolve(0), dataExtents };
    await expect(collect(encodeVmdkStream(source, { workers: 1 }))).rejects.toThrow(InvalidInputError);
  });

  test.each([0, 65, 1.5, NaN])('refuses %p workers', async (workers) => {
    await expect(collect(encodeVmdkStream(mixed, { workers }))).rejects.toThrow(InvalidInputError);
  });

  test('passes on what its source throws', async () => {
    const source = { capacityBytes: MIB, read: () => Promise.reject(new Error('EIO')) };
    await expect(collect(encodeVmdkStream(source))).rejects.toThrow('EIO');
  });

  test('reports progress up to the end', async () => {
    const seen: number[] = [];
    const disk = mixed;
    await collect(encodeVmdkStream(disk, { onProgress: ({ bytesDone }) => seen.push(bytesDone) }));
    expect(seen.at(-1)).toBe(disk.capacityBytes);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });
});

describe('decoding', () => {
  /** Several times the memory of one worker, so that grains begin in one piece of it and end in the next. */
  let disk: MemoryDisk;
  let stream: Buffer;
  beforeAll(async () => {
    const grains = new Map<number, Buffer>();
    for (let i = 0; i < 700; i++) grains.set(i, i % 7 === 0 ? prose(`${i}`, GRAIN) : noise(`${i}`, GRAIN));
    disk = diskOf(700 * GRAIN, grains);
    stream = await collect(encodeVmdkStream(disk, { workers: 2 }));
  });

  test.each([
    [1, 65_536],
    [1, 700_001],
    [3, 2 ** 21],
    [3, 5_000_011],
  ])('with %i workers, in chunks of %i bytes', async (workers, chunkBytes) => {
    const copy = new MemoryDisk(disk.capacityBytes);
    await decodeVmdkStream(chunked(stream, chunkBytes), copy, { workers });
    expect(copy.digest()).toBe(disk.digest());
  });

  test('a file', async () => {
    const path = join(directory, 'large.vmdk');
    await writeFile(path, stream);
    const copy = new MemoryDisk(disk.capacityBytes);
    await decodeVmdkStream(path, copy, { workers: 1 });
    expect(copy.digest()).toBe(disk.digest());
  });
});

describe('files', () => {
  const rawPath = () => join(directory, 'disk.raw');
  const vmdkPath = () => join(directory, 'disk.vmdk');

  test('go there and back: same bytes, same size, holes stay holes', async () => {
    const raw = await open(rawPath(), 'w');
    await raw.write(noise('a', 3 * MIB), 0, 3 * MIB, 40 * MIB);
    await raw.write(prose('b', 3 * MIB), 0, 3 * MIB, 90 * MIB + 4096);
    await raw.truncate(200 * MIB + 512);
    await raw.close();
    await encodeVmdk(rawPath(), vmdkPath());
    const back = join(directory, 'back.raw');
    const info = await decodeVmdk(vmdkPath(), back);
    expect(info).toMatchObject({ capacityBytes: 200 * MIB + 512, streamBytes: (await stat(vmdkPath())).size });
    expect((await readFile(back)).equals(await readFile(rawPath()))).toBe(true);
    const { size, blocks, mode } = await stat(back);
    expect(size).toBe(200 * MIB + 512);
    expect(blocks * 512).toBeLessThan(8 * MIB);
    expect(mode & 0o777).toBe(0o600);
    await expect(verifyVmdk(vmdkPath())).resolves.toEqual(info);
  });

  test('a failed decode leaves what was there, and nothing else', async () => {
    await rm(directory, { recursive: true });
    directory = await mkdtemp(join(tmpdir(), 'vmdk-encode-'));
    await writeFile(rawPath(), 'mine');
    const { bytes } = validVmdk('esxi');
    await writeFile(vmdkPath(), bytes.subarray(0, bytes.length - 512));
    expect(await refusal(() => decodeVmdk(vmdkPath(), rawPath()))).toBe(`truncated@${bytes.length - 512}`);
    expect(await readFile(rawPath(), 'utf8')).toBe('mine');
    expect((await readdir(directory)).sort()).toEqual(['disk.raw', 'disk.vmdk']);
  });

  test('an empty image is no disk', async () => {
    await writeFile(rawPath(), '');
    await expect(encodeVmdk(rawPath(), vmdkPath())).rejects.toThrow(InvalidInputError);
  });
});

describe('aborting', () => {
  // Node's thread pool is as large as it gets by now: everything above used it.
  const threads = () => (existsSync(TASKS) ? readdirSync(TASKS).length : 0);

  test.each(['verify', 'decode', 'encode'])('%s leaves no thread and no file', async (what) => {
    const before = threads();
    const work = await mkdtemp(join(directory, 'abort-'));
    const raw = await open(join(directory, 'abort.raw'), 'w');
    await raw.write(prose('x', 16 * MIB), 0, 16 * MIB, 0);
    await raw.close();
    const vmdk = join(directory, 'abort.vmdk');
    await encodeVmdk(join(directory, 'abort.raw'), vmdk);
    const controller = new AbortController();
    const { signal } = controller;
    const reason = new Error('enough');
    async function* endless() {
      const bytes = await readFile(vmdk);
      yield bytes.subarray(0, -512);
      controller.abort(reason);
      await new Promise(() => {});
    }
    const run = async (): Promise<unknown> => {
      if (what === 'verify') return verifyVmdk(endless(), { signal });
      if (what === 'decode') {
        const sink = {
          write: () => {
            controller.abort(reason);
            return new Promise<void>((resolve) => setTimeout(resolve, 20));
          },
        };
        return decodeVmdkStream(vmdk, sink, { signal });
      }
      const onProgress = () => controller.abort(reason);
      return encodeVmdk(join(directory, 'abort.raw'), join(work, 'out.vmdk'), { signal, onProgress });
    };
    const error = await run().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(AbortError);
    expect(error).toMatchObject({ cause: reason });
    expect(await readdir(work)).toEqual([]);
    expect(threads()).toBe(before);
  });

  test('before the start, nothing is opened', async () => {
    const signal = AbortSignal.abort();
    await expect(verifyVmdk('/does/not/exist', { signal })).rejects.toThrow(AbortError);
    await expect(encodeVmdkStream(mixed, { signal }).next()).rejects.toThrow(AbortError);
  });

  test('a consumer that stops early ends the threads', async () => {
    const before = threads();
    for await (const chunk of encodeVmdkStream(mixed)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(threads()).toBe(before);
  });
});
