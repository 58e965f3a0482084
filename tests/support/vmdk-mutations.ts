import { deflateRawSync, deflateSync } from 'node:zlib';
import type { InvalidVmdkReason, VmdkLayout } from '../../src/vmdk/index.js';
import { type BuildOptions, buildVmdk, type Built } from '../vmdk/support/build-vmdk.js';
import { GRAIN, noise, prose } from '../vmdk/support/disks.js';

/** A stream that must be refused. */
export interface VmdkMutation {
  /** Unique, such as `esxi: grain twice`. */
  readonly name: string;
  readonly layout: VmdkLayout;
  readonly bytes: Buffer;
  /** Whether its structure gives it away, or only its grains' insides do. What inspecting refuses, verifying refuses. */
  readonly refusedBy: 'inspect' | 'verify';
  /** What it must be refused for. */
  readonly reasons: readonly InvalidVmdkReason[];
}

export const LAYOUTS: readonly VmdkLayout[] = ['esxi', 'front', 'patched', 'qemu'];

/** 48 MiB and a half grain: two tables, the last grain incomplete. */
export const MUTATED_CAPACITY = 98_368;

/** A small valid stream of each layout, which the mutations are made from. */
export function validVmdk(layout: VmdkLayout, options: Partial<BuildOptions> = {}): Built {
  return buildVmdk({ layout, capacity: MUTATED_CAPACITY, grains: mutatedGrains(), ...options });
}

/** The grains of {@link validVmdk}. */
export function mutatedGrains(): Map<number, Buffer> {
  const last = prose('last', GRAIN).fill(0, GRAIN / 2);
  return new Map([
    [0, prose('first', GRAIN)],
    [1, noise('second', GRAIN)],
    [7, prose('third', GRAIN)],
    [511, prose('fourth', GRAIN)],
    [512, prose('fifth', GRAIN)],
    [768, last],
  ]);
}

/**
 * Streams damaged in every way we could think of, each of them different from every valid one. The same on every call.
 *
 * A volume for them has 1 GiB or more: none is refused merely for its size.
 */
export function vmdkMutations(): VmdkMutation[] {
  return LAYOUTS.flatMap((layout) => {
    const rows: VmdkMutation[] = [];
    const valid = validVmdk(layout);
    const row = (
      name: string,
      reasons: InvalidVmdkReason | readonly InvalidVmdkReason[],
      bytes: Buffer,
      refusedBy: 'inspect' | 'verify' = 'inspect',
    ): void => {
      rows.push({ name: `${layout}: ${name}`, layout, bytes, refusedBy, reasons: [reasons].flat() });
    };
    const edit = (change: (bytes: Buffer) => void, from = valid): Buffer => {
      const bytes = Buffer.from(from.bytes);
      change(bytes);
      return bytes;
    };

    truncations(valid, row);
    beginnings(valid, row, edit);
    headers(valid, row, edit);
    descriptors(layout, row);
    markers(valid, row, edit);
    payloads(layout, valid, row, edit);
    tables(valid, row, edit);
    if (layout === 'front' || layout === 'qemu') emptyTables(layout, row);
    endings(valid, row, edit);
    lostWrites(valid, row, edit);
    return rows;
  });
}

type Row = (
  name: string,
  reasons: InvalidVmdkReason | readonly InvalidVmdkReason[],
  bytes: Buffer,
  refusedBy?: 'inspect' | 'verify',
) => void;
type Edit = (change: (bytes: Buffer) => void, from?: Built) => Buffer;

function grainOf(built: Built, at: number): Built['grains'][number] {
  const grain = built.grains.at(at);
  if (grain === undefined) throw new Error(`the stream has no grain ${at}`);
  return grain;
}

function tableOf(built: Built, first: number): number {
  const table = built.tables.findLast((candidate) => candidate.first === first);
  if (table === undefined) throw new Error(`the stream has no table for ${first}`);
  return table.at;
}

function directoryOf(built: Built): number {
  const directory = built.directories.at(-1);
  if (directory === undefined) throw new Error('the stream has no directory');
  return directory;
}

const cut = (bytes: Buffer, from: number, to: number): Buffer => {
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
};
const splice = (bytes: Buffer, at: number, added: Buffer): Buffer => {
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at)]);
};

function truncations({ bytes, overhead, grains, layout, footer, endOfStream, ...built }: Built, row: Row): void {
  const to = (name: string, length: number): void => {
    row(`cut ${name}`, 'truncated', bytes.subarray(0, length));
  };
  const [first, second, third] = grains;
  if (first === undefined || second === undefined || third === undefined) throw new Error('too few grains');
  to('to nothing', 0);
  to('after 3 bytes', 3);
  to('in the header', 300);
  to('after the header', 512);
  to('in the descriptor', 700);
  to('before the first grain', overhead - 512);
  to('before the first marker', overhead);
  to('in a marker', second.marker + 5);
  to('after a marker', second.data);
  to('in a grain', second.data + 30_000);
  to('in the padding', second.end - 3);
  to('between two grains', third.marker);
  to('before the last grain', grainOf({ bytes, overhead, grains, layout, footer, endOfStream, ...built }, -1).marker);
  to('by a byte', bytes.length - 1);
  if (endOfStream !== undefined) to('before the end-of-stream marker', endOfStream);
  if (footer !== undefined) {
    const directory = directoryOf({ bytes, overhead, grains, layout, footer, endOfStream, ...built });
    to('before the directory', directory - 512);
    to('in the directory', directory + 100);
    to('before the footer', footer - 512);
    to('in the footer', footer + 100);
  }
}

function beginnings({ bytes }: Built, row: Row, edit: Edit): void {
  const page = '<html><body><h1>500 Internal Server Error</h1></body></html>\n';
  row('an error page instead', 'not-vmdk', Buffer.from(page));
  row('a long error page instead', 'not-vmdk', Buffer.alloc(4096, page));
  row('an error page before it', 'not-vmdk', Buffer.concat([Buffer.from(page), bytes]));
  row('zeros instead', 'not-vmdk', Buffer.alloc(70_000));
  row('a byte missing at the start', 'not-vmdk', bytes.subarray(1));
  row(
    'not finished',
    'unfinished',
    edit((b) => b.write('kdmv', 0)),
  );
  row('line ends converted', 'bad-header', Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'));
  row(
    'through UTF-8 and back',
    [
      'bad-header',
      'unsupported',
      'bad-capacity',
      'bad-descriptor',
      'table-mismatch',
      'bad-marker',
      'grain-out-of-range',
      'grain-misaligned',
      'grain-too-big',
      'directory-mismatch',
      'not-stream-optimized',
    ],
    Buffer.from(bytes.toString('utf8')),
  );
}

function headers({ layout, overhead }: Built, row: Row, edit: Edit): void {
  const u32 = (name: string, at: number, value: number, ...reasons: InvalidVmdkReason[]): void => {
    row(
      `header: ${name}`,
      reasons,
      edit((bytes) => bytes.writeUInt32LE(value, at)),
    );
  };
  const u64 = (name: string, at: number, value: bigint, ...reasons: InvalidVmdkReason[]): void => {
    row(
      `header: ${name}`,
      reasons,
      edit((bytes) => bytes.writeBigUInt64LE(value, at)),
    );
  };
  u32('version 0', 4, 0, 'unsupported');
  u32('version 4', 4, 4, 'unsupported');
  u32('not compressed', 8, 0x20003, 'not-stream-optimized');
  u32('no markers', 8, 0x10003, 'not-stream-optimized');
  u32('unknown flag', 8, 0x130001, 'unsupported');
  u64('no capacity', 12, 0n, 'bad-capacity');
  u64('absurd capacity', 12, 0x7fff_ffff_ffff_ffffn, 'bad-capacity');
  u64('capacity of 128 TiB', 12, 2n ** 38n, 'bad-capacity');
  u64('double capacity', 12, BigInt(2 * MUTATED_CAPACITY), 'bad-descriptor');
  u64('a sector less capacity', 12, BigInt(MUTATED_CAPACITY - 1), 'bad-descriptor');
  u64('no grain size', 20, 0n, 'unsupported');
  u64('grains of 100 sectors', 20, 100n, 'unsupported');
  u64('absurd grain size', 20, 2n ** 40n, 'unsupported');
  u64('grains of half the size', 20, 64n, 'table-mismatch', 'directory-mismatch', 'grain-too-big');
  u64('no descriptor', 28, 0n, 'bad-descriptor');
  u64('descriptor elsewhere', 28, 5n, 'bad-descriptor', 'bad-header');
  u64('empty descriptor', 36, 0n, 'bad-descriptor');
  u64('absurd descriptor', 36, 2n ** 50n, 'bad-descriptor');
  u64('descriptor beyond the overhead', 36, 1000n, 'bad-header');
  u32('tables of 256 entries', 44, 256, 'table-mismatch', 'directory-mismatch', 'bad-marker');
  u32('tables of 64 entries', 44, 64, 'unsupported');
  u32('tables of 500 entries', 44, 500, 'unsupported');
  u32('tables of 2^17 entries', 44, 2 ** 17, 'unsupported');
  u32('tables without entries', 44, 0, 'unsupported');
  u64('grains of 2 MiB', 20, 4096n, 'unsupported');
  u64('grains of 4 sectors', 20, 4n, 'unsupported');
  u64('no directory', 56, 0n, 'bad-header');
  u64('directory in the descriptor', 56, 1n, 'bad-header');
  u64(
    'grains begin a sector late',
    64,
    BigInt(overhead / 512 + 1),
    'grain-out-of-range',
    'grain-misaligned',
    'bad-marker',
    'grain-too-big',
    'table-mismatch',
  );
  u64('grains begin a sector early', 64, BigInt(overhead / 512 - 1), 'bad-marker', 'table-mismatch');
  u64('grains begin beyond the stream', 64, 2n ** 45n, 'truncated', 'table-mismatch', 'directory-mismatch');
  row(
    'header: a line end damaged',
    'bad-header',
    edit((bytes) => bytes.writeUInt8(0x0d, 73)),
  );
  row(
    'header: another compression',
    'unsupported',
    edit((bytes) => bytes.writeUInt16LE(2, 77)),
  );
  if (layout === 'patched') u64('directory elsewhere', 56, 130n, 'directory-mismatch');
  if (layout === 'front') u64('directory elsewhere', 56, 40n, 'directory-mismatch', 'table-mismatch');
  if (layout === 'qemu') {
    const { bytes: ended } = validVmdk(layout, { qemuEndOfStream: true });
    row('garbage behind its marker', 'trailing-bytes', Buffer.concat([ended, Buffer.alloc(511), Buffer.from([1])]));
  }
  if (layout === 'qemu') u64('redundant directory elsewhere', 48, 60n, 'directory-mismatch', 'table-mismatch');
}

function descriptors(layout: VmdkLayout, row: Row): void {
  const lie = (
    name: string,
    descriptor: (text: string) => string,
    reason: InvalidVmdkReason = 'bad-descriptor',
  ): void => {
    row(`descriptor: ${name}`, reason, validVmdk(layout, { descriptor }).bytes);
  };
  const extent = /^R.*SPARSE.*$/m;
  lie('of another kind', (text) => text.replace('streamOptimized', 'monolithicSparse'), 'not-stream-optimized');
  lie('without a kind', (text) => text.replace(/createType.*/, ''));
  lie('two kinds', (text) => text.replace(/(createType.*)/, '$1\n$1'));
  lie('with a parent', (text) => text.replace('parentCID=ffffffff', 'parentCID=12345678'));
  lie('with a parent in small letters', (text) => text.replace('parentCID=ffffffff', 'parentcid=12345678'));
  lie('with a parent of one digit', (text) => text.replace('parentCID=ffffffff', 'parentCID=1'));
  lie("with a parent's name in small letters", (text) => `${text}parentfilenamehint = "base.vmdk"\n`);
  lie('with a zero parent that has a name', (text) => {
    return text.replace('parentCID=ffffffff', 'parentCID=00000000\nparentFileNameHint="base.vmdk"');
  });
  lie('two content ids in different letters', (text) => text.replace(/^(CID=.*)/m, '$1\ncid=87654321'));
  lie('with a flat extent in small letters', (text) =>
    text.replace(extent, `rw ${MUTATED_CAPACITY} flat "/etc/passwd"`),
  );
  lie("with a parent's name", (text) => `${text}parentFileNameHint="/etc/passwd"\n`);
  lie('without a content id', (text) => text.replace(/^CID.*/m, ''));
  lie('with a flat extent', (text) => text.replace(extent, `RW ${MUTATED_CAPACITY} FLAT "/etc/passwd" 0`));
  lie('with a second extent', (text) => text.replace(extent, `$&\nRW ${MUTATED_CAPACITY} FLAT "/etc/passwd" 0`));
  lie('without an extent', (text) => text.replace(extent, ''));
  lie('with another size', (text) => text.replace(String(MUTATED_CAPACITY), '2048'));
  lie('with a larger size', (text) => text.replace(String(MUTATED_CAPACITY), String(MUTATED_CAPACITY + 1)));
  lie('with an absurd size', (text) => text.replace(String(MUTATED_CAPACITY), '9999999999999999'));
  lie('empty', (text) => '\0'.repeat(text.length));
}

function markers(valid: Built, row: Row, edit: Edit): void {
  const { bytes } = valid;
  const second = grainOf(valid, 1);
  const third = grainOf(valid, 2);
  const lba = (name: string, value: bigint, ...reasons: InvalidVmdkReason[]): void => {
    row(
      `marker: ${name}`,
      reasons,
      edit((b) => b.writeBigUInt64LE(value, third.marker)),
    );
  };
  const size = (name: string, value: number, ...reasons: InvalidVmdkReason[]): void => {
    row(
      `marker: ${name}`,
      reasons,
      edit((b) => b.writeUInt32LE(value, second.marker + 8)),
    );
  };
  const gone = [
    'table-mismatch',
    'grain-misaligned',
    'grain-out-of-range',
    'grain-too-big',
    'bad-marker',
    'truncated',
  ] as const;
  lba('grain misaligned', 7n * 128n + 1n, 'grain-misaligned');
  lba('grain out of range', 98_432n, 'grain-out-of-range');
  lba('grain far out of range', 2n ** 63n, 'grain-out-of-range');
  lba('grain 4 TiB further', 7n * 128n + 2n ** 33n, 'grain-out-of-range');
  lba('grain moved', 8n * 128n, 'table-mismatch');
  lba('grain twice at a place', 128n, 'grain-duplicate');
  lba('grain before its predecessor', 0n, 'grain-out-of-order');
  size('no data', 0, 'bad-marker');
  size('a sector more data', second.size + 512, ...gone);
  size('a sector less data', second.size - 512, ...gone);
  size('too much data', 131_073, 'grain-too-big');
  size('absurd data', 0xffff_ffff, 'grain-too-big');
  const whole = bytes.subarray(third.marker, third.end);
  row('a grain twice', ['grain-duplicate', 'table-mismatch'], splice(bytes, third.end, whole));
  row(
    'an earlier grain again',
    ['grain-out-of-order', 'grain-duplicate', 'table-mismatch'],
    splice(bytes, third.end, bytes.subarray(second.marker, second.end)),
  );
  row('a grain missing', ['table-mismatch', 'directory-mismatch'], cut(bytes, third.marker, third.end));
  row(
    'two grains swapped',
    ['grain-out-of-order', 'table-mismatch'],
    Buffer.concat([
      bytes.subarray(0, second.marker),
      whole,
      bytes.subarray(second.marker, third.marker),
      bytes.subarray(third.end),
    ]),
  );
  row('an unknown marker', 'bad-marker', splice(bytes, third.marker, markerOf(0, 5)));
  row(
    'an end-of-stream marker between grains',
    ['bad-marker', 'table-mismatch'],
    splice(bytes, third.marker, Buffer.alloc(512)),
  );
  row(
    'a footer between grains',
    'bad-marker',
    splice(bytes, third.marker, Buffer.concat([markerOf(1, 3), bytes.subarray(0, 512)])),
  );
  row(
    'a table between grains',
    ['bad-marker', 'table-mismatch'],
    splice(bytes, third.marker, Buffer.concat([markerOf(4, 1), Buffer.alloc(2048, 1)])),
  );
  row(
    'a directory between grains',
    ['bad-marker', 'table-mismatch'],
    splice(bytes, third.marker, Buffer.concat([markerOf(1, 2), Buffer.alloc(512)])),
  );
  row(
    'a progress marker with payload',
    'bad-marker',
    splice(bytes, third.marker, Buffer.concat([markerOf(1, 4), Buffer.alloc(512)])),
  );
  row('grains not padded', [...gone, 'grain-out-of-order'], cut(bytes, second.data + second.size, second.end));
}

function payloads(layout: VmdkLayout, valid: Built, row: Row, edit: Edit): void {
  const first = grainOf(valid, 0);
  const second = grainOf(valid, 1);
  const flip = (name: string, at: number): void => {
    row(
      `data: ${name}`,
      ['grain-corrupt', 'grain-size'],
      edit((b) => b.writeUInt8((b[at] ?? 0) ^ 0x10, at)),
      'verify',
    );
  };
  flip('a bit of the zlib header', first.data);
  flip('a bit of compressed text', first.data + Math.floor(first.size / 2));
  flip('a bit of what did not compress', second.data + 30_000);
  flip('a bit of the checksum', first.data + first.size - 1);
  const data = (
    name: string,
    change: (deflated: Buffer) => Buffer,
    reasons: InvalidVmdkReason | readonly InvalidVmdkReason[],
  ): void => {
    const built = validVmdk(layout, { data: (index, deflated) => (index === 7 ? change(deflated) : deflated) });
    row(`data: ${name}`, reasons, built.bytes, 'verify');
  };
  data('a sector of zeros', (d) => Buffer.from(d).fill(0, 500, 1012), ['grain-corrupt', 'grain-size']);
  data('another grain shortened', (d) => d.subarray(0, d.length - 1), 'grain-corrupt');
  data('without its checksum', (d) => d.subarray(0, d.length - 4), 'grain-corrupt');
  data('raw deflate', () => deflateRawSync(prose('third', GRAIN)), 'grain-corrupt');
  data('a byte behind it', (d) => Buffer.concat([d, Buffer.from([0])]), 'grain-corrupt');
  data('two streams', (d) => Buffer.concat([d, d]), 'grain-corrupt');
  data('a byte too little inside', () => deflateSync(prose('third', GRAIN - 1)), 'grain-size');
  data('half a grain inside', () => deflateSync(prose('third', GRAIN / 2)), 'grain-size');
  data('nothing inside', () => deflateSync(Buffer.alloc(0)), 'grain-size');
  data('a byte too much inside', () => deflateSync(prose('third', GRAIN + 1)), 'grain-size');
  data('a bomb', () => deflateSync(Buffer.alloc(2 ** 26)), 'grain-size');
  data('not compressed', () => prose('third', GRAIN), 'grain-corrupt');
  data('zeros', (d) => Buffer.alloc(d.length), 'grain-corrupt');
}

function tables(valid: Built, row: Row, edit: Edit): void {
  const { bytes, layout } = valid;
  const table = tableOf(valid, 0);
  const directory = directoryOf(valid);
  const entry = (name: string, index: number, value: number): void => {
    row(
      `table: ${name}`,
      'table-mismatch',
      edit((b) => b.writeUInt32LE(value, table + index * 4)),
    );
  };
  const third = grainOf(valid, 2).marker / 512;
  entry('an entry missing', 7, 0);
  entry('the first entry missing', 0, 0);
  entry('the last entry missing', 511, 0);
  entry('an entry for no grain', 8, third);
  entry('an entry into nowhere', 7, 0xffff_ffff);
  entry('an entry one sector off', 7, third + 1);
  entry('an entry for another grain', 7, grainOf(valid, 1).marker / 512);
  entry('an entry into the header', 7, 2);
  entry('a zeroed-grain entry without the flag', 8, 1);
  row(
    'table: all zeros',
    ['table-mismatch', 'directory-mismatch'],
    edit((b) => b.fill(0, table, table + 2048)),
  );
  row(
    'table: shifted by an entry',
    'table-mismatch',
    edit((b) => b.copyWithin(table + 4, table, table + 2044)),
  );
  row(
    'table: an entry beyond the disk',
    'table-mismatch',
    edit((b) => b.writeUInt32LE(third, tableOf(valid, 512) + 300 * 4)),
  );
  const directoryEntry = (name: string, index: number, value: number): void => {
    row(
      `directory: ${name}`,
      ['directory-mismatch', 'table-mismatch'],
      edit((b) => b.writeUInt32LE(value, directory + index * 4)),
    );
  };
  directoryEntry('an entry missing', 0, 0);
  directoryEntry('an entry into nowhere', 1, 0xffff_fff0);
  directoryEntry('an entry one sector off', 1, tableOf(valid, 512) / 512 + 1);
  directoryEntry('an entry for another table', 1, table / 512);
  if (layout === 'esxi' || layout === 'patched') {
    directoryEntry('an entry too many', 2, table / 512);
    const marker = table - 512;
    const gone = ['bad-marker', 'table-mismatch'] as const;
    row(
      'table: marker announces nothing',
      gone,
      edit((b) => b.writeUInt32LE(0, marker)),
    );
    row(
      'table: marker announces too much',
      gone,
      edit((b) => b.writeUInt32LE(5, marker)),
    );
    row(
      'table: marker announces 2^63 sectors',
      gone,
      edit((b) => b.writeBigUInt64LE(2n ** 63n, marker)),
    );
    row('table: missing', gone, cut(bytes, marker, table + 2048));
    row('table: twice', gone, splice(bytes, table + 2048, bytes.subarray(marker, table + 2048)));
    row(
      'table: before its grains',
      [...gone, 'grain-out-of-range'],
      splice(cut(bytes, marker, table + 2048), valid.overhead, bytes.subarray(marker, table + 2048)),
    );
    row('directory: missing', 'bad-marker', cut(bytes, directory - 512, directory + 512));
    row(
      'directory: twice',
      'bad-marker',
      splice(bytes, directory + 512, bytes.subarray(directory - 512, directory + 512)),
    );
    row(
      'directory: marker announces nothing',
      'bad-marker',
      edit((b) => b.writeUInt32LE(0, directory - 512)),
    );
    row(
      'directory: marker announces too much',
      'bad-marker',
      edit((b) => b.writeUInt32LE(9, directory - 512)),
    );
  }
  if (layout === 'qemu') {
    const copy = valid.tables.find((candidate) => candidate.first === 0)?.at ?? 0;
    row(
      'table: the redundant copy lacks an entry',
      'table-mismatch',
      edit((b) => b.writeUInt32LE(0, copy + 28)),
    );
  }
}

/** Tables before the grains, one of them for a part of the disk without any. */
function emptyTables(layout: VmdkLayout, row: Row): void {
  const grains = new Map([[3, noise('only', GRAIN)]]);
  const wrong = (name: string, entry: number): void => {
    const built = validVmdk(layout, { grains });
    built.bytes.writeUInt32LE(entry, directoryOf(built) + 4);
    row(`directory: ${name}`, 'directory-mismatch', built.bytes);
  };
  wrong('an empty table into nowhere', 0xffff_fff0);
  wrong('an empty table among the grains', 130);
  wrong('an empty table in the header', 1);
}

function endings(valid: Built, row: Row, edit: Edit): void {
  const { bytes, footer, endOfStream } = valid;
  row('a byte behind it', ['trailing-bytes', 'truncated'], Buffer.concat([bytes, Buffer.from([1])]));
  row(
    'garbage behind it',
    ['trailing-bytes', 'bad-marker', 'grain-out-of-range', 'grain-misaligned'],
    Buffer.concat([bytes, noise('garbage', 512)]),
  );
  row(
    'a second stream behind it',
    ['trailing-bytes', 'grain-misaligned', 'grain-out-of-range', 'bad-marker'],
    Buffer.concat([bytes, bytes]),
  );
  row(
    'a log line behind it',
    ['trailing-bytes', 'truncated', 'grain-out-of-range'],
    Buffer.concat([bytes, Buffer.from('upload finished\n')]),
  );
  row(
    'garbage behind zeros behind it',
    'trailing-bytes',
    Buffer.concat([bytes, Buffer.alloc(200_000), Buffer.from([1])]),
  );
  row('a second stream behind zeros', 'trailing-bytes', Buffer.concat([bytes, Buffer.alloc(66_048), bytes]));
  if (endOfStream !== undefined) {
    row(
      'end-of-stream: of an unknown type',
      'bad-marker',
      edit((b) => b.writeUInt32LE(9, endOfStream + 12)),
    );
    row(
      'end-of-stream: announces a sector',
      'bad-marker',
      edit((b) => b.writeUInt32LE(1, endOfStream)),
    );
  }
  if (footer === undefined) return;
  const field = (name: string, at: number, value: bigint): void => {
    row(
      `footer: ${name}`,
      'footer-mismatch',
      edit((b) => b.writeBigUInt64LE(value, footer + at)),
    );
  };
  field('another magic', 0, 0n);
  field('another capacity', 12, 1n);
  field('another grain size', 20, 64n);
  field('no directory', 56, 0n);
  field('directory at the end again', 56, 0xffff_ffff_ffff_ffffn);
  field('directory one sector off', 56, BigInt(directoryOf(valid) / 512 + 1));
  row(
    'footer: another last byte',
    'footer-mismatch',
    edit((b) => b.writeUInt8(1, footer + 511)),
  );
  row('footer: missing', 'bad-marker', cut(bytes, footer - 512, footer + 512));
  row('footer: twice', 'bad-marker', splice(bytes, footer + 512, bytes.subarray(footer - 512, footer + 512)));
  row(
    'footer: announces nothing',
    'bad-marker',
    edit((b) => b.writeUInt32LE(0, footer - 512)),
  );
}

/** What storage and transport do to files. */
function lostWrites(valid: Built, row: Row, edit: Edit): void {
  const { bytes } = valid;
  const second = grainOf(valid, 1);
  const within = second.marker + 32_768;
  row(
    'a page of zeros in a grain',
    'grain-corrupt',
    edit((b) => b.fill(0, within, within + 4096)),
    'verify',
  );
  row(
    'a page of zeros over a marker',
    ['bad-marker', 'table-mismatch'],
    edit((b) => b.fill(0, second.marker, second.marker + 4096)),
  );
  const gone = [
    'table-mismatch',
    'grain-misaligned',
    'grain-out-of-range',
    'grain-too-big',
    'bad-marker',
    'truncated',
  ] as const;
  row('a sector lost', gone, cut(bytes, within, within + 512));
  row('a sector twice', gone, splice(bytes, within, bytes.subarray(within, within + 512)));
  row('a byte lost', gone, cut(bytes, within, within + 1));
  row('a byte too many', gone, splice(bytes, within, Buffer.from([0])));
  row(
    'the tail lost, zeros instead',
    ['bad-marker', 'table-mismatch'],
    edit((b) => b.fill(0, second.end)),
  );
}

function markerOf(sectors: number, type: number): Buffer {
  const marker = Buffer.alloc(512);
  marker.writeUInt32LE(sectors, 0);
  marker.writeUInt32LE(type, 12);
  return marker;
}
