import { deflateSync } from 'node:zlib';
import { LAYOUTS, validVmdk } from '../../support/vmdk-mutations.js';
import { buildVmdk } from '../../vmdk/support/build-vmdk.js';
import { noise, prose } from '../../vmdk/support/disks.js';

/** Small valid streams of every layout, with what some writers do, and some whose grains are bad. */
export function baseStreams(): Buffer[] {
  return LAYOUTS.flatMap((layout) => {
    const sized = (grainSize: number, entriesPerTable: number): Buffer => {
      const grainBytes = grainSize * 512;
      const grains = new Map(
        [0, 1, 2, 130, 131].map((i) => [i, i % 2 === 0 ? noise(`${i}`, grainBytes) : prose('x', grainBytes)]),
      );
      return buildVmdk({ layout, capacity: 140 * grainSize - 3, grainSize, entriesPerTable, grains }).bytes;
    };
    const many = new Map([...Array(2000).keys()].map((i) => [i, Buffer.alloc(4096, `${i}`)]));
    return [
      validVmdk(layout).bytes,
      validVmdk(layout, { qemuEndOfStream: true, progressBefore: [0, 511], emptyTables: true }).bytes,
      validVmdk(layout, { grains: new Map() }).bytes,
      validVmdk(layout, { version: 1, descriptor: (text) => text.toLowerCase() }).bytes,
      validVmdk(layout, { data: (_index, deflated) => deflated.subarray(0, -1) }).bytes,
      validVmdk(layout, { data: () => deflateSync(Buffer.alloc(2 ** 24)) }).bytes,
      sized(8, 128),
      sized(2048, 128),
      buildVmdk({ layout, capacity: 2000 * 8, grainSize: 8, grains: many }).bytes,
    ];
  });
}
