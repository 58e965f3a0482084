/**
 * Numbers of the sparse extent format, as VMware's technical note "Virtual Disk Format 5.0" gives them and as the
 * streams of its products have them.
 *
 * @module
 */

/** Bytes in a sector: the unit of every address in the format. */
export const SECTOR = 512;

/** A sector of zeros: compared with at once, sector by sector, it spares looking at most of an empty disk's tables. */
export const ZERO_SECTOR = Buffer.alloc(SECTOR);

/** `KDMV`, read as a little-endian number. */
export const MAGIC = 0x564d444b;

/** What `gdOffset` is when the footer has the real one: `FF` eight times. */
export const GD_AT_END = -1;

/** Sectors in a grain that we write; every known writer uses 64 KiB. */
export const GRAIN_SECTORS = 128;

/** Sectors in the smallest and the largest grain that is read: 4 KiB, the format's own bound, and 1 MiB. */
export const MIN_GRAIN_SECTORS = 8;
export const MAX_GRAIN_SECTORS = 2048;

/** The most a grain's data may take in a stream, in grains. */
export const MAX_GRAIN_DATA = 2;

/** Entries in a grain table that we write; VMware's are all like that. */
export const ENTRIES_PER_TABLE = 512;

/** The fewest entries a grain table that is read can have, a sector of them, and the most. */
export const MIN_ENTRIES_PER_TABLE = 128;
export const MAX_ENTRIES_PER_TABLE = 65_536;

/** 32-bit numbers in a sector of a table or directory. */
export const NUMBERS_PER_SECTOR = SECTOR / 4;

/** Sectors in a grain table that we write. */
export const TABLE_SECTORS = ENTRIES_PER_TABLE / NUMBERS_PER_SECTOR;

/** Bytes in a grain's marker, before its data. */
export const GRAIN_MARKER = 12;

/** Bits of the header's flags. The upper sixteen are such that a reader must refuse those it does not know. */
export const Flag = {
  newlineTest: 1 << 0,
  redundantDirectory: 1 << 1,
  zeroedGrainEntries: 1 << 2,
  compressed: 1 << 16,
  markers: 1 << 17,
} as const;

/** Types of the markers that are not grains. `progress` is in no specification; vSphere writes it in long gaps. */
export const Marker = { endOfStream: 0, grainTable: 1, grainDirectory: 2, footer: 3, progress: 4 } as const;

/** The only compression there is. The note says RFC 1951; what is written is RFC 1950. */
export const COMPRESSION_DEFLATE = 1;

/** The highest sector a grain table entry can name: a stream cannot outgrow 2 TiB. */
export const MAX_ENTRY = 0xffff_ffff;

/** Bytes of the largest disk this library believes in: 64 TiB. vSphere's own limit is 62 TiB. */
export const MAX_CAPACITY = 2 ** 46;

/**
 * The largest data of a grain this library writes, so that other readers take it: open-vmdk reads grains, markers
 * included, into 129 sectors.
 */
export const MAX_WRITTEN_GRAIN = 129 * SECTOR - GRAIN_MARKER;
