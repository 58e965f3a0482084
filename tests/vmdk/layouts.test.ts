import { deflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { decodeVmdkStream, verifyVmdk, VmdkInspector } from '../../src/vmdk/index.js';
import { LAYOUTS, MUTATED_CAPACITY, mutatedGrains, validVmdk } from '../support/vmdk-mutations.js';
import { buildVmdk } from './support/build-vmdk.js';
import { chunked, diskOf, MemoryDisk, noise, prose } from './support/disks.js';
import { inspectBytes, refusal } from './support/outcome.js';

const capacityBytes = MUTATED_CAPACITY * 512;

async function decoded(bytes: Buffer, capacity = capacityBytes): Promise<MemoryDisk> {
  const disk = new MemoryDisk(capacity);
  await decodeVmdkStream(chunked(bytes), disk, { workers: 1 });
  return disk;
}

describe.each(LAYOUTS)('the layout %s', (layout) => {
  test('is read right', async () => {
    const { bytes } = validVmdk(layout);
    expect(inspectBytes(bytes)).toEqual({
      capacityBytes,
      allocatedBytes: 6 * 65_536,
      streamBytes: bytes.length,
      paddingBytes: 0,
      layout,
      version: 3,
      grainCount: 6,
      grainBytes: 65_536,
      needsEndOfStream: layout === 'qemu',
      importable: layout !== 'qemu',
      importProblems: layout === 'qemu' ? ['no-end-of-stream'] : [],
      warnings: [],
      descriptor: {
        cid: '12345678',
        adapterType: 'lsilogic',
        uuid: undefined,
        access: layout === 'esxi' || layout === 'patched' ? 'RDONLY' : 'RW',
        ddb: { adapterType: 'lsilogic', virtualHWVersion: '4' },
      },
    });
    const disk = await decoded(bytes);
    expect(disk.digest()).toBe(diskOf(capacityBytes, mutatedGrains()).digest());
    expect(disk.truncatedTo).toBe(capacityBytes);
  });

  test.each([1, 2, 11, 12, 13, 511, 512, 513, 4096, 65_536])('in chunks of %i bytes', (chunkBytes) => {
    const { bytes } = validVmdk(layout);
    expect(inspectBytes(bytes, chunkBytes)).toEqual(inspectBytes(bytes));
  });

  test('without grains', async () => {
    const { bytes } = validVmdk(layout, { grains: new Map() });
    expect(inspectBytes(bytes)).toMatchObject({ layout, grainCount: 0, allocatedBytes: 0, capacityBytes });
    expect((await decoded(bytes)).pages.size).toBe(0);
  });

  test('with a short last grain', async () => {
    const grains = mutatedGrains();
    grains.set(768, grains.get(768)!.subarray(0, 32_768));
    const disk = await decoded(validVmdk(layout, { grains }).bytes);
    expect(disk.digest()).toBe(diskOf(capacityBytes, mutatedGrains()).digest());
  });

  test('with any other short grain, it is refused', async () => {
    const { bytes, grains } = validVmdk(layout, { grains: new Map([[3, prose('short', 32_768)]]) });
    expect(await refusal(() => verifyVmdk(chunked(bytes), { workers: 1 }))).toBe(`grain-size@${grains[0]!.marker}`);
  });

  test('with an empty last grain of a disk that ends with it, it is refused', async () => {
    const { bytes } = buildVmdk({ layout, capacity: 256, grains: new Map([[1, Buffer.alloc(0)]]) });
    expect(await refusal(() => verifyVmdk(chunked(bytes), { workers: 1 }))).toMatch(/^grain-size@/);
  });

  test("with vSphere's progress markers", () => {
    const { bytes } = validVmdk(layout, { progressBefore: [0, 511, 768] });
    expect(inspectBytes(bytes)).toMatchObject({ grainCount: 6 });
  });

  test.each([
    [8, 128],
    [8, 1024],
    [16, 65_536],
    [1024, 256],
    [2048, 128],
    [2048, 512],
  ])('with grains of %i sectors, and tables of %i entries', async (grainSize, entriesPerTable) => {
    const grainBytes = grainSize * 512;
    const places = [0, 1, 127, 128, 255, 256, 300, 301];
    const grains = new Map(places.map((i) => [i, i % 2 === 0 ? noise(`${i}`, grainBytes) : prose(`${i}`, grainBytes)]));
    const capacity = 301 * grainSize + 8;
    grains.get(301)!.fill(0, 4096);
    const { bytes } = buildVmdk({ layout, capacity, grainSize, entriesPerTable, grains });
    expect(inspectBytes(bytes)).toMatchObject({ grainCount: 8, grainBytes, layout });
    expect(inspectBytes(bytes, 4099)).toEqual(inspectBytes(bytes));
    const expected = new MemoryDisk(capacity * 512);
    for (const [index, grain] of grains) await expected.write(grain, index * grainBytes);
    const copy = new MemoryDisk(capacity * 512);
    await decodeVmdkStream(chunked(bytes), copy, { workers: 2 });
    expect(copy.digest()).toBe(expected.digest());
    expect(copy.truncatedTo).toBe(capacity * 512);
  });

  test('with zeros behind its end, as from a store that keeps whole GiB', async () => {
    const { bytes } = validVmdk(layout, { qemuEndOfStream: true });
    const padded = Buffer.concat([bytes, Buffer.alloc(300_001)]);
    const info = { ...inspectBytes(bytes), paddingBytes: 300_001 };
    expect(info.streamBytes).toBe(bytes.length);
    for (const chunkBytes of [1009, 65_536, padded.length]) expect(inspectBytes(padded, chunkBytes)).toEqual(info);
    await expect(verifyVmdk(chunked(padded), { workers: 1 })).resolves.toEqual(info);
    for (const place of [bytes.length, bytes.length + 70_000, padded.length - 1]) {
      const spoilt = Buffer.from(padded).fill(1, place, place + 1);
      expect(await refusal(() => inspectBytes(spoilt))).toBe(`trailing-bytes@${place}`);
      expect(await refusal(() => inspectBytes(spoilt, 1009))).toBe(`trailing-bytes@${place}`);
    }
  });

  test('with small grains', async () => {
    const grains = new Map([...Array(600).keys()].map((i) => [i * 3, noise(`${i}`, 4096)]));
    const { bytes } = buildVmdk({ layout, capacity: 20_000, grainSize: 8, grains });
    expect(inspectBytes(bytes)).toMatchObject({ grainCount: 600, grainBytes: 4096 });
    const expected = new MemoryDisk(20_000 * 512);
    for (const [index, grain] of grains) await expected.write(grain, index * 4096);
    expect((await decoded(bytes, 20_000 * 512)).digest()).toBe(expected.digest());
  });

  test('in version 1, which vSphere would not import', () => {
    expect(inspectBytes(validVmdk(layout, { version: 1 }).bytes).importProblems).toContain('version-too-old');
  });

  test('with the capacity rounded up in the header, as VirtualBox does', async () => {
    const { bytes } = validVmdk(layout, { headerCapacity: MUTATED_CAPACITY + 64 });
    expect(inspectBytes(bytes).capacityBytes).toBe(capacityBytes);
    expect((await decoded(bytes)).truncatedTo).toBe(capacityBytes);
  });

  test('with a descriptor that is not signed', () => {
    const { bytes } = validVmdk(layout, { descriptor: (text) => text.replace('# Disk', '# Another') });
    expect(inspectBytes(bytes).warnings).toEqual(['no-descriptor-signature']);
  });

  test('tells how far it is', () => {
    const { bytes, grains } = validVmdk(layout);
    const inspector = new VmdkInspector();
    expect([inspector.capacityBytes, inspector.coveredBytes, inspector.streamBytes]).toEqual([undefined, 0, 0]);
    inspector.write(bytes.subarray(0, grains[2]!.end));
    expect([inspector.capacityBytes, inspector.coveredBytes]).toEqual([capacityBytes, 8 * 65_536]);
    expect(inspector.streamBytes).toBe(grains[2]!.end);
    inspector.write(bytes.subarray(grains[2]!.end));
    expect(inspector.coveredBytes).toBeGreaterThan(768 * 65_536);
    expect(inspector.coveredBytes).toBeLessThanOrEqual(capacityBytes);
  });
});

describe('what only some writers do', () => {
  test('vmdktool writes tables for parts without grains, and an entry more', () => {
    const { bytes } = validVmdk('patched', { emptyTables: true, grains: new Map([[600, noise('x', 65_536)]]) });
    expect(inspectBytes(bytes)).toMatchObject({ layout: 'patched', grainCount: 1 });
  });

  test('qemu-img fills up with zeros, which may make an end-of-stream marker', () => {
    const { bytes } = validVmdk('qemu', { qemuEndOfStream: true });
    expect(inspectBytes(bytes)).toMatchObject({ importable: true, needsEndOfStream: false });
    const paddingBytes = 65_536 - (bytes.length % 65_536);
    const filled = Buffer.concat([bytes, Buffer.alloc(paddingBytes)]);
    expect(inspectBytes(filled)).toMatchObject({ importable: true, streamBytes: bytes.length, paddingBytes });
  });

  test('what qemu-img lacks can be appended', () => {
    const { bytes } = validVmdk('qemu');
    const whole = Buffer.concat([bytes, Buffer.alloc(512)]);
    expect(inspectBytes(whole)).toMatchObject({ importable: true, importProblems: [] });
  });

  test('a progress marker tells of more than the last grain', () => {
    const { bytes, grains } = validVmdk('esxi', { progressBefore: [511] });
    const inspector = new VmdkInspector();
    inspector.write(bytes.subarray(0, grains[3]!.marker));
    expect(inspector.coveredBytes).toBe(511 * 65_536);
  });
});

describe('a refusal', () => {
  test('points at the entry of a table that lacks a grain', async () => {
    const { bytes, tables } = validVmdk('esxi');
    const entry = tables[0]!.at + 511 * 4;
    bytes.writeUInt32LE(0, entry);
    expect(await refusal(() => inspectBytes(bytes))).toBe(`table-mismatch@${entry}`);
  });

  test('of a bomb comes before it has gone off', async () => {
    const { bytes, grains } = validVmdk('esxi', { data: () => deflateSync(Buffer.alloc(2 ** 26)) });
    const refused = verifyVmdk(chunked(bytes), { workers: 1 });
    await expect(refused).rejects.toMatchObject({ reason: 'grain-size', offset: grains[0]!.marker });
    await expect(refused).rejects.toThrow('does not inflate');
  });

  test('is of the first fault, whatever finds it', async () => {
    const { bytes, grains } = validVmdk('esxi');
    bytes[grains[4]!.data + 9]! ^= 1;
    bytes[grains[2]!.data + 9]! ^= 1;
    const cut = bytes.subarray(0, -512);
    expect(await refusal(() => verifyVmdk(chunked(cut), { workers: 3 }))).toBe(`grain-corrupt@${grains[2]!.marker}`);
  });
});

test('of two bad grains far apart, the first is reported', async () => {
  const grains = new Map([...Array(200).keys()].map((i) => [i, noise(`${i}`, 4096)]));
  const { bytes, grains: built } = buildVmdk({ layout: 'esxi', capacity: 1600, grainSize: 8, grains });
  for (const at of [40, 70, 150]) bytes[built[at]!.data + 9]! ^= 1;
  expect(await refusal(() => verifyVmdk(chunked(bytes), { workers: 3 }))).toBe(`grain-corrupt@${built[40]!.marker}`);
});

describe('an inspector that has refused', () => {
  test('goes on refusing', () => {
    const inspector = new VmdkInspector();
    expect(() => inspector.write(Buffer.alloc(512))).toThrow('KDMV');
    expect(() => inspector.write(validVmdk('esxi').bytes)).toThrow('KDMV');
    expect(() => inspector.end()).toThrow('KDMV');
  });
});
