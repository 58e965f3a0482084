import { deflateSync } from 'node:zlib';
import type { VmdkLayout } from '../../../src/vmdk/index.js';

/** What to build. Written after the format's description alone: it shares nothing with the code under test. */
export interface BuildOptions {
  readonly layout: VmdkLayout;
  /** Sectors of the disk. */
  readonly capacity: number;
  /** Grains by their place on the disk. */
  readonly grains: ReadonlyMap<number, Buffer>;
  /** Sectors in a grain. Default 128. */
  readonly grainSize?: number;
  /** Entries in a grain table. Default 512. */
  readonly entriesPerTable?: number;
  readonly version?: number;
  readonly level?: number;
  /** Changes the descriptor's text. */
  readonly descriptor?: (text: string) => string;
  /** What the header says, where it is not `capacity`. */
  readonly headerCapacity?: number;
  /** Grains before which vSphere's four progress markers stand. */
  readonly progressBefore?: readonly number[];
  /** Writes tables for parts of the disk without grains, as vmdktool does, and a directory entry too many. */
  readonly emptyTables?: boolean;
  /** Whether a qemu stream ends in a marker by chance. Default false. */
  readonly qemuEndOfStream?: boolean;
  /** Replaces a grain's compressed data. */
  readonly data?: (index: number, deflated: Buffer) => Buffer;
}

/** Where things are in a built stream, in bytes. */
export interface Built {
  readonly bytes: Buffer;
  readonly layout: VmdkLayout;
  readonly capacity: number;
  readonly descriptor: number;
  readonly overhead: number;
  /** `data` is the first byte behind the marker, `end` the next sector behind the grain. */
  readonly grains: readonly { index: number; marker: number; data: number; size: number; end: number }[];
  /** Every copy of every table; `first` is the place on the disk of its first grain. */
  readonly tables: readonly { first: number; at: number; copy: number }[];
  readonly directories: readonly number[];
  readonly directoryBytes: number;
  readonly footer: number | undefined;
  readonly endOfStream: number | undefined;
}

const SECTOR = 512;

export function buildVmdk(options: BuildOptions): Built {
  const { layout, capacity, grains, grainSize = 128, entriesPerTable = 512 } = options;
  const tableSectors = (entriesPerTable * 4) / SECTOR;
  const grainCount = Math.ceil(capacity / grainSize);
  const groups = Math.ceil(grainCount / entriesPerTable);
  const directoryEntries = groups + (options.emptyTables === true ? 1 : 0);
  const directorySectors = Math.ceil((directoryEntries * 4) / SECTOR);
  const front = layout === 'front' || layout === 'qemu';
  const copies = layout === 'qemu' ? 2 : front ? 1 : 0;
  const descriptorSize = front ? 20 : 1;
  const copySectors = directorySectors + groups * tableSectors;
  const overhead = Math.ceil((1 + descriptorSize + copies * copySectors) / 128) * 128;
  const directoryAt = (copy: number): number => 1 + descriptorSize + copy * copySectors;

  const parts: Buffer[] = [];
  let length = 0;
  const put = (part: Buffer): number => {
    const padded = Buffer.alloc(Math.ceil(part.length / SECTOR) * SECTOR);
    part.copy(padded);
    parts.push(padded);
    const at = length;
    length += padded.length;
    return at;
  };
  const marker = (sectors: number, type: number, lba = 0): Buffer => {
    const bytes = Buffer.alloc(SECTOR);
    bytes.writeBigUInt64LE(BigInt(sectors), 0);
    bytes.writeUInt32LE(type, 12);
    bytes.writeBigUInt64LE(BigInt(lba), 16);
    return bytes;
  };
  const header = (gdOffset: bigint): Buffer => {
    const bytes = Buffer.alloc(SECTOR);
    bytes.write('KDMV', 0, 'latin1');
    bytes.writeUInt32LE(options.version ?? 3, 4);
    bytes.writeUInt32LE(layout === 'qemu' ? 0x30003 : 0x30001, 8);
    bytes.writeBigUInt64LE(BigInt(options.headerCapacity ?? capacity), 12);
    bytes.writeBigUInt64LE(BigInt(grainSize), 20);
    bytes.writeBigUInt64LE(1n, 28);
    bytes.writeBigUInt64LE(BigInt(descriptorSize), 36);
    bytes.writeUInt32LE(entriesPerTable, 44);
    bytes.writeBigUInt64LE(layout === 'qemu' ? BigInt(directoryAt(0)) : 0n, 48);
    bytes.writeBigUInt64LE(gdOffset, 56);
    bytes.writeBigUInt64LE(BigInt(overhead), 64);
    bytes.write('\n \r\n', 73, 'latin1');
    bytes.writeUInt16LE(1, 77);
    return bytes;
  };
  const text = [
    '# Disk DescriptorFile',
    'version=1',
    'CID=12345678',
    'parentCID=ffffffff',
    'createType="streamOptimized"',
    '',
    `${front ? 'RW' : 'RDONLY'} ${capacity} SPARSE "generated-stream.vmdk"`,
    '',
    'ddb.adapterType = "lsilogic"',
    'ddb.virtualHWVersion = "4"',
    '',
  ].join('\n');

  const tables: { first: number; at: number; copy: number }[] = [];
  const directories: number[] = [];
  const built: { index: number; marker: number; data: number; size: number; end: number }[] = [];
  const sorted = [...grains].sort(([a], [b]) => a - b);
  const directory = Buffer.alloc(directorySectors * SECTOR);
  let table = Buffer.alloc(tableSectors * SECTOR);
  let group = -1;
  const endTable = (next: number): void => {
    if (group >= 0 && !front) {
      put(marker(tableSectors, 1));
      const at = put(table);
      tables.push({ first: group * entriesPerTable, at, copy: 0 });
      directory.writeUInt32LE(at / SECTOR, group * 4);
    }
    table = Buffer.alloc(tableSectors * SECTOR);
    if (options.emptyTables === true) {
      for (let empty = group + 1; empty < next; empty++) {
        put(marker(tableSectors, 1));
        directory.writeUInt32LE(put(table) / SECTOR, empty * 4);
      }
    }
    group = next;
  };

  put(Buffer.alloc(overhead * SECTOR));
  for (const [index, raw] of sorted) {
    const next = Math.floor(index / entriesPerTable);
    if (next !== group) endTable(next);
    if (options.progressBefore?.includes(index) === true) {
      for (let copy = 0; copy < 4; copy++) put(marker(0, 4, index * grainSize));
    }
    const deflated = deflateSync(raw, { level: options.level ?? 1 });
    const data = options.data?.(index, deflated) ?? deflated;
    const head = Buffer.alloc(12);
    head.writeBigUInt64LE(BigInt(index * grainSize), 0);
    head.writeUInt32LE(data.length, 8);
    const at = put(Buffer.concat([head, data]));
    built.push({ index, marker: at, data: at + 12, size: data.length, end: length });
    table.writeUInt32LE(at / SECTOR, (index % entriesPerTable) * 4);
  }

  let footer: number | undefined;
  let endOfStream: number | undefined;
  let gdOffset = 0xffff_ffff_ffff_ffffn;
  if (!front) {
    endTable(directoryEntries);
    put(marker(directorySectors, 2));
    const at = put(directory);
    directories.push(at);
    put(marker(1, 3));
    footer = put(header(BigInt(at / SECTOR)));
    if (layout === 'patched') gdOffset = BigInt(at / SECTOR);
  }
  if (layout !== 'qemu' || options.qemuEndOfStream === true) endOfStream = put(marker(0, 0));
  if (front) gdOffset = BigInt(directoryAt(copies - 1));

  const bytes = Buffer.concat(parts);
  header(gdOffset).copy(bytes);
  bytes.write(options.descriptor?.(text) ?? text, SECTOR);
  for (let copy = 0; copy < copies; copy++) {
    const at = directoryAt(copy) * SECTOR;
    directories.push(at);
    for (let i = 0; i < groups; i++) {
      const tableAt = at + (directorySectors + i * tableSectors) * SECTOR;
      bytes.writeUInt32LE(tableAt / SECTOR, at + i * 4);
      tables.push({ first: i * entriesPerTable, at: tableAt, copy });
      for (const grain of built) {
        const entry = grain.index - i * entriesPerTable;
        if (entry >= 0 && entry < entriesPerTable) bytes.writeUInt32LE(grain.marker / SECTOR, tableAt + entry * 4);
      }
    }
  }
  return {
    bytes,
    layout,
    capacity,
    descriptor: SECTOR,
    overhead: overhead * SECTOR,
    grains: built,
    tables,
    directories,
    directoryBytes: directorySectors * SECTOR,
    footer,
    endOfStream,
  };
}
