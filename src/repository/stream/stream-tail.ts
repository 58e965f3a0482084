/** Bytes in a sector, the unit of every address in the format. */
export const sectorBytes = 512;
/** Bytes of a grain's marker, before its data. */
export const grainMarkerBytes = 12;

/** The types of metadata markers (docs/vmdk.md). */
export const markerType = { endOfStream: 0, grainTable: 1, grainDirectory: 2, footer: 3, progress: 4 } as const;

/** What a VMDK's first sector says that is needed to write its tables. */
interface Header {
  readonly sector: Buffer;
  readonly grainSectors: number;
  readonly entriesPerTable: number;
  readonly tables: number;
}

/**
 * Follows a stream-optimized VMDK and tells what its writer would write next besides grains: tables, directory, footer. A
 * backup is stored without what can be told in this way, and a restore writes it again; both follow the stream by this one
 * class, so that they agree.
 */
export class StreamTail {
  #offset = 0;
  #header: Header | undefined;
  #table = -1;
  /** The last grain's table so far: an entry's place and its sector for each grain that has come. */
  #entries: (readonly [place: number, sector: number])[] = [];
  readonly #directory = new Map<number, number>();
  #directorySector = 0;

  /** Length of the stream so far, in bytes. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes pass that nothing was told of. The first of them may be a header. */
  verbatim(bytes: Buffer): void {
    if (this.#offset === 0 && bytes.length >= sectorBytes) this.#header = readHeader(bytes.subarray(0, sectorBytes));
    this.#offset += bytes.length;
  }

  /** Bytes of a grain with its marker and padding. */
  grainLength(size: number): number {
    return Math.ceil((grainMarkerBytes + size) / sectorBytes) * sectorBytes;
  }

  /** Writes a grain's marker. */
  writeMarker(target: Buffer, at: number, index: number, size: number): void {
    target.writeBigUInt64LE(BigInt(index) * BigInt(this.#header?.grainSectors ?? 0), at);
    target.writeUInt32LE(size, at + 8);
  }

  /** A grain passes; `length` bytes of it, marker and padding included. */
  grain(index: number, length: number): void {
    const perTable = this.#header?.entriesPerTable ?? 0;
    if (perTable > 0) {
      const table = Math.floor(index / perTable);
      if (table !== this.#table) {
        this.#table = table;
        this.#entries = [];
      }
      this.#entries.push([index % perTable, (this.#offset / sectorBytes) >>> 0]);
    }
    this.#offset += length;
  }

  /** What comes next if a table, a directory, a footer or the end does; undefined where that cannot be. */
  next(type: number): Buffer | undefined {
    switch (type) {
      case markerType.endOfStream:
        return Buffer.alloc(sectorBytes);
      case markerType.grainTable:
        return this.#nextTable();
      case markerType.grainDirectory:
        return this.#nextDirectory();
      case markerType.footer:
        return this.#nextFooter();
      default:
        return undefined;
    }
  }

  /** What {@link next} told does come. */
  told(type: number, bytes: Buffer): void {
    const payload = this.#offset / sectorBytes + 1;
    if (type === markerType.grainTable) this.#directory.set(this.#table, payload);
    if (type === markerType.grainDirectory) this.#directorySector = payload;
    this.#offset += bytes.length;
  }

  #nextTable(): Buffer | undefined {
    if (this.#header === undefined || this.#table < 0) return undefined;
    const bytes = block(markerType.grainTable, this.#header.entriesPerTable * 4);
    for (const [place, sector] of this.#entries) bytes.writeUInt32LE(sector, sectorBytes + place * 4);
    return bytes;
  }

  #nextDirectory(): Buffer | undefined {
    if (this.#header === undefined || this.#header.entriesPerTable === 0) return undefined;
    const bytes = block(markerType.grainDirectory, this.#header.tables * 4);
    for (const [table, sector] of this.#directory) bytes.writeUInt32LE(sector, sectorBytes + table * 4);
    return bytes;
  }

  #nextFooter(): Buffer | undefined {
    if (this.#header === undefined || this.#directorySector === 0) return undefined;
    const bytes = block(markerType.footer, sectorBytes);
    this.#header.sector.copy(bytes, sectorBytes);
    bytes.writeBigUInt64LE(BigInt(this.#directorySector), sectorBytes + 56);
    return bytes;
  }
}

/** A progress marker, which vSphere writes by the clock. */
export function progressMarker(sector: bigint): Buffer {
  const bytes = block(markerType.progress, 0);
  bytes.writeBigUInt64LE(sector, 16);
  return bytes;
}

/** A marker and room for its payload. */
function block(type: number, payloadBytes: number): Buffer {
  const sectors = Math.ceil(payloadBytes / sectorBytes);
  const bytes = Buffer.alloc((1 + sectors) * sectorBytes);
  bytes.writeUInt32LE(sectors, 0);
  bytes.writeUInt32LE(type, 12);
  return bytes;
}

/** Nothing is allocated because a header says so: one that tells of too many tables gets none. */
function readHeader(sector: Buffer): Header | undefined {
  if (sector.toString('latin1', 0, 4) !== 'KDMV') return undefined;
  const capacity = Number(sector.readBigUInt64LE(12));
  const grainSectors = Number(sector.readBigUInt64LE(20));
  const entriesPerTable = sector.readUInt32LE(44);
  const tables = Math.ceil(Math.ceil(capacity / grainSectors) / entriesPerTable);
  // 16 TiB in grains of 4 KiB have eight million tables of the usual 512 entries.
  const hasTables = entriesPerTable > 0 && entriesPerTable <= 65_536 && tables <= 2 ** 23;
  return { sector: Buffer.from(sector), grainSectors, entriesPerTable: hasTables ? entriesPerTable : 0, tables };
}
