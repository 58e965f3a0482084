import { describe, expect, test } from '@jest/globals';
import { verifyVmdk } from '../../src/vmdk/index.js';
import { LAYOUTS, validVmdk, vmdkMutations } from '../support/vmdk-mutations.js';
import { chunked } from '../vmdk/support/disks.js';
import { inspectBytes, refusal } from '../vmdk/support/outcome.js';

const rows = vmdkMutations();

describe('a corpus of damaged streams', () => {
  test('is large, and its rows are different', () => {
    expect(rows.length).toBeGreaterThan(240);
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
    const valid = new Map(LAYOUTS.map((layout) => [layout, validVmdk(layout).bytes]));
    expect(rows.filter(({ layout, bytes }) => valid.get(layout)?.equals(bytes))).toEqual([]);
  });

  test.each(LAYOUTS)('begins with valid streams: %s', async (layout) => {
    const { bytes } = validVmdk(layout);
    expect(inspectBytes(bytes)).toMatchObject({ layout, grainCount: 6, streamBytes: bytes.length });
    await expect(verifyVmdk(chunked(bytes), { workers: 1 })).resolves.toMatchObject({ layout, grainCount: 6 });
  });

  test.each(rows.filter(({ refusedBy }) => refusedBy === 'inspect'))('inspect refuses $name', async (row) => {
    const refused = await refusal(() => inspectBytes(row.bytes));
    expect(row.reasons).toContain(refused?.split('@')[0]);
    expect(Number(refused?.split('@')[1])).toBeLessThanOrEqual(row.bytes.length);
    // However the stream is cut into chunks.
    expect(await refusal(() => inspectBytes(row.bytes, 1009))).toBe(refused);
  });

  test.each(rows.filter(({ refusedBy }) => refusedBy === 'verify'))('only verify refuses $name', async (row) => {
    expect(await refusal(() => inspectBytes(row.bytes))).toBeUndefined();
    const refused = await refusal(() => verifyVmdk(chunked(row.bytes), { workers: 1 }));
    expect(row.reasons).toContain(refused?.split('@')[0]);
  });
});
