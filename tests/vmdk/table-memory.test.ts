import { describe, expect, test } from '@jest/globals';
import { VmdkInspector } from '../../src/vmdk/index.js';
import { buildVmdk } from './support/build-vmdk.js';

/**
 * Inspects all that comes before the grains of a full disk, whose tables stand there, and then some of its grains.
 *
 * @returns the memory that is held for it, in bytes
 */
function memoryForTables(layout: 'front' | 'qemu', gibibytes: number): number {
  const capacity = gibibytes * 2 ** 21;
  const grains = capacity / 128;
  const tables = grains / 512;
  const descriptor = `# Disk DescriptorFile\nCID=1\nparentCID=ffffffff\ncreateType="streamOptimized"\nRW ${capacity} SPARSE "x"\n`;
  // A stream of that layout without grains, for what is before its tables.
  const { bytes } = buildVmdk({ layout, capacity: 128, grains: new Map() });
  const head = Buffer.from(bytes.subarray(0, 21 * 512));
  head.fill(0, 512).write(descriptor, 512);
  const copies = layout === 'qemu' ? 2 : 1;
  const directorySectors = tables / 128;
  const copySectors = directorySectors + tables * 4;
  const overhead = Math.ceil((21 + copies * copySectors) / 128) * 128;
  head.writeBigUInt64LE(BigInt(capacity), 12);
  head.writeBigUInt64LE(BigInt(overhead), 64);
  if (layout === 'qemu') head.writeBigUInt64LE(21n, 48);
  head.writeBigUInt64LE(BigInt(21 + (copies - 1) * copySectors), 56);

  const inspector = new VmdkInspector();
  const before = process.memoryUsage().arrayBuffers;
  inspector.write(head);
  let written = 21;
  for (let copy = 0; copy < copies; copy++) {
    const directory = Buffer.alloc(directorySectors * 512);
    for (let table = 0; table < tables; table++) {
      directory.writeUInt32LE(written + directorySectors + table * 4, table * 4);
    }
    inspector.write(directory);
    // Sixteen tables at once, each grain in a sector of its own.
    const entries = new Uint32Array(16 * 512);
    for (let table = 0; table < tables; table += 16) {
      for (let i = 0; i < entries.length; i++) entries[i] = overhead + table * 512 + i;
      inspector.write(Buffer.from(entries.buffer));
    }
    written += copySectors;
  }
  inspector.write(Buffer.alloc((overhead - written) * 512));
  return process.memoryUsage().arrayBuffers - before;
}

describe('tables that stand before their grains', () => {
  test.each(['front', 'qemu'] as const)('take next to no memory: %s', (layout) => {
    // A full disk of 512 GiB: 8 Mi grains, 32 MiB of tables. At this rate, 16 TiB take less than 100 MiB.
    expect(memoryForTables(layout, 512)).toBeLessThan(3 * 2 ** 20);
  });
});
