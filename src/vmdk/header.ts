import { InvalidVmdkError } from '../errors/invalid-vmdk-error.js';
import {
  COMPRESSION_DEFLATE,
  Flag,
  GD_AT_END,
  MAGIC,
  MAX_CAPACITY,
  MAX_ENTRIES_PER_TABLE,
  MAX_GRAIN_SECTORS,
  MIN_ENTRIES_PER_TABLE,
  MIN_GRAIN_SECTORS,
  SECTOR,
} from './format.js';
import { readU64, writeU64 } from './u64.js';

/** The sparse extent header: a stream's first sector, and again its last but one. Addresses and sizes in sectors. */
export interface SparseHeader {
  readonly version: number;
  readonly flags: number;
  readonly capacity: number;
  readonly grainSize: number;
  readonly entriesPerTable: number;
  readonly descriptorOffset: number;
  readonly descriptorSize: number;
  readonly rgdOffset: number;
  /** Where the grain directory is, or {@link GD_AT_END}. */
  readonly gdOffset: number;
  readonly overHead: number;
}

/** Where `gdOffset` stands in the header, in bytes. */
export const GD_OFFSET_FIELD = 56;

/** VirtualBox, too, refuses longer descriptors; in sectors. */
const MAX_DESCRIPTOR_SECTORS = 20_480;

/**
 * Checks that what may be an incomplete header begins as one.
 *
 * @throws InvalidVmdkError that says what it looks like instead
 */
export function checkMagic(bytes: Buffer, at: number): void {
  const begins = (text: string): boolean => {
    return bytes.toString('latin1', 0, text.length) === text.slice(0, bytes.length);
  };
  if (begins('KDMV')) return;
  if (begins('kdmv')) throw new InvalidVmdkError('unfinished', at, 'the stream was never finished by its writer');
  if (begins('# Disk DescriptorFile')) {
    throw new InvalidVmdkError('not-stream-optimized', at, 'this is the text descriptor of a disk in other files');
  }
  throw new InvalidVmdkError('not-vmdk', at, 'this is no sparse extent: it does not begin with KDMV');
}

/**
 * Reads and checks a header.
 *
 * @param sector - the header's 512 bytes
 * @param at - their place in the stream, in bytes
 * @throws InvalidVmdkError that points at the field which is wrong
 */
export function parseHeader(sector: Buffer, at: number): SparseHeader {
  const refuse = (reason: InvalidVmdkError['reason'], field: number, message: string): never => {
    throw new InvalidVmdkError(reason, at + field, message);
  };

  checkMagic(sector, at);
  const version = sector.readUInt32LE(4);
  if (version < 1 || version > 3) refuse('unsupported', 4, `unknown version ${version.toString()}`);

  const flags = sector.readUInt32LE(8);
  const streamOptimized = Flag.compressed | Flag.markers;
  if ((flags & streamOptimized) !== streamOptimized) {
    refuse('not-stream-optimized', 8, 'this sparse extent is not compressed, or has no markers');
  }
  if (flags >>> 18 !== 0) refuse('unsupported', 8, `unknown flags 0x${flags.toString(16)}`);
  if ((flags & Flag.newlineTest) !== 0 && sector.readUInt32LE(73) !== 0x0a0d200a) {
    refuse('bad-header', 73, 'line ends were converted on the way: this is no binary copy');
  }
  if (sector.readUInt16LE(77) !== COMPRESSION_DEFLATE) refuse('unsupported', 77, 'unknown compression');

  const grainSize = readU64(sector, 20);
  if (!isPower(grainSize, MIN_GRAIN_SECTORS, MAX_GRAIN_SECTORS)) {
    refuse('unsupported', 20, `a grain of ${grainSize.toString()} sectors; 8 to 2048, a power of two, are read`);
  }
  const capacity = readU64(sector, 12);
  if (capacity === 0 || capacity * SECTOR > MAX_CAPACITY || capacity / grainSize > 0xffff_ffff) {
    refuse('bad-capacity', 12, `a capacity of ${capacity.toString()} sectors`);
  }
  const entriesPerTable = sector.readUInt32LE(44);
  if (!isPower(entriesPerTable, MIN_ENTRIES_PER_TABLE, MAX_ENTRIES_PER_TABLE)) {
    const message = `${entriesPerTable.toString()} entries in a grain table; 128 to 65536, a power of two, are read`;
    refuse('unsupported', 44, message);
  }

  const overHead = readU64(sector, 64);
  const descriptorOffset = readU64(sector, 28);
  const descriptorSize = readU64(sector, 36);
  if (descriptorOffset === 0 || descriptorSize === 0) refuse('bad-descriptor', 28, 'there is no embedded descriptor');
  if (descriptorSize > MAX_DESCRIPTOR_SECTORS) {
    refuse('bad-descriptor', 36, `a descriptor of ${descriptorSize.toString()} sectors`);
  }
  if (descriptorOffset + descriptorSize > overHead) {
    refuse('bad-header', 28, 'the descriptor is not before the grains');
  }

  const atEnd = sector.readUInt32LE(GD_OFFSET_FIELD) === 0xffff_ffff && sector.readUInt32LE(60) === 0xffff_ffff;
  const gdOffset = atEnd ? GD_AT_END : readU64(sector, GD_OFFSET_FIELD);
  const rgdOffset = (flags & Flag.redundantDirectory) === 0 ? 0 : readU64(sector, 48);

  const before = (offset: number): boolean => offset !== GD_AT_END && offset < descriptorOffset + descriptorSize;
  if (before(gdOffset)) refuse('bad-header', GD_OFFSET_FIELD, 'the grain directory is not behind the descriptor');
  if (
    rgdOffset !== 0 &&
    (gdOffset === GD_AT_END || rgdOffset >= overHead || before(rgdOffset) || rgdOffset === gdOffset)
  ) {
    refuse('bad-header', 48, 'the redundant grain directory is not before the grains');
  }

  return {
    version,
    flags,
    capacity,
    grainSize,
    entriesPerTable,
    descriptorOffset,
    descriptorSize,
    rgdOffset,
    gdOffset,
    overHead,
  };
}

function isPower(value: number, least: number, most: number): boolean {
  return value >= least && value <= most && Number.isInteger(Math.log2(value));
}

/** Writes a header as vSphere does, in 512 bytes. */
export function formatHeader(header: SparseHeader): Buffer {
  const sector = Buffer.alloc(SECTOR);
  sector.writeUInt32LE(MAGIC, 0);
  sector.writeUInt32LE(header.version, 4);
  sector.writeUInt32LE(header.flags, 8);
  writeU64(sector, 12, header.capacity);
  writeU64(sector, 20, header.grainSize);
  writeU64(sector, 28, header.descriptorOffset);
  writeU64(sector, 36, header.descriptorSize);
  sector.writeUInt32LE(header.entriesPerTable, 44);
  writeU64(sector, 48, header.rgdOffset);
  if (header.gdOffset === GD_AT_END) sector.fill(0xff, GD_OFFSET_FIELD, GD_OFFSET_FIELD + 8);
  else writeU64(sector, GD_OFFSET_FIELD, header.gdOffset);
  writeU64(sector, 64, header.overHead);
  sector.writeUInt32LE(0x0a0d200a, 73);
  sector.writeUInt16LE(COMPRESSION_DEFLATE, 77);
  return sector;
}
