import { InvalidVmdkError, type InvalidVmdkReason } from '../errors/invalid-vmdk-error.js';
import { DescriptorReader } from './descriptor-reader.js';
import { GD_AT_END, GRAIN_MARKER, Marker, MAX_ENTRY, MAX_GRAIN_DATA, SECTOR } from './format.js';
import { FrontTables } from './front-tables.js';
import { type GrainGeometry, grainGeometry } from './grain-geometry.js';
import { checkMagic, GD_OFFSET_FIELD, parseHeader, type SparseHeader } from './header.js';
import type { ParsedDescriptor } from './parse-descriptor.js';
import type { StreamVisitor } from './stream-visitor.js';
import { TailTables } from './tail-tables.js';
import { readU64 } from './u64.js';
import type { ImportProblem, VmdkInfo, VmdkLayout } from './vmdk-info.js';

/** To compare with what follows a stream's end. */
const ZEROS = Buffer.alloc(65_536);

/** What the parser stands before. `payload` are the sectors that belong to a marker. */
type State = 'header' | 'overhead' | 'marker' | 'payload' | 'end';

/**
 * Reads a stream-optimized VMDK as it comes, in chunks of any size, and understands all of it but the insides of the
 * grains, which it passes over by counting.
 */
export class StreamParser {
  #state: State = 'header';
  /** The byte of the stream at which the next sector or marker begins. */
  #offset = 0;
  /** What has come of it, where a chunk ended inside it. */
  readonly #carry = Buffer.alloc(SECTOR);
  #carried = 0;
  /** Bytes of a grain's data, and of data and padding, that are still to come. */
  #data = 0;
  #skip = 0;
  /** Sectors of a marker's payload that are still to come, and how many there are. */
  #left = 0;
  #sectors = 0;
  #payload: (part: number, bytes: Buffer, from: number) => void = () => undefined;

  #header: SparseHeader | undefined;
  readonly #headerBytes = Buffer.alloc(SECTOR);
  #geometry: GrainGeometry | undefined;
  #descriptorReader: DescriptorReader | undefined;
  #descriptor: ParsedDescriptor | undefined;
  #layout: VmdkLayout = 'esxi';
  #front: FrontTables | undefined;
  #tail: TailTables | undefined;
  #directorySector = 0;
  #footerSeen = false;
  #lastGrain = -1;
  #grains = 0;
  #streamBytes = 0;
  #coveredSectors = 0;
  #paddingBytes = 0;

  constructor(readonly visitor?: StreamVisitor) {}

  /** Bytes of the stream so far. What follows its end is not counted. */
  get streamBytes(): number {
    return this.#streamBytes;
  }

  /** Zeros that followed the stream's end so far, in bytes. */
  get paddingBytes(): number {
    return this.#paddingBytes;
  }

  /** The disk's size in bytes, once header and descriptor are known. */
  get capacityBytes(): number | undefined {
    return this.#descriptor === undefined ? undefined : this.#descriptor.extentSectors * SECTOR;
  }

  /** How far into the disk, in bytes, the stream has come. */
  get coveredBytes(): number {
    return Math.min(this.#coveredSectors * SECTOR, this.capacityBytes ?? 0);
  }

  /** What the header says about grains, once it is known. */
  get geometry(): GrainGeometry | undefined {
    return this.#geometry;
  }

  /**
   * Takes `chunk` from `from` on.
   *
   * @returns up to where: less than the chunk's length only if the visitor does not want a grain yet
   * @throws InvalidVmdkError
   */
  parse(chunk: Buffer, from: number): number {
    let at = from;
    for (;;) {
      if (this.#skip > 0) {
        at = this.#passGrain(chunk, at);
        if (this.#skip > 0) break;
      } else if (this.#state === 'end') {
        this.#streamBytes += at - from;
        if (at < chunk.length) this.visitor?.structure?.(chunk, at, chunk.length);
        this.#takePadding(chunk, at);
        return chunk.length;
      } else if (this.#carried === 0 && chunk.length - at >= SECTOR) {
        const taken = this.#take(chunk, at);
        if (taken === 0) break;
        at += taken;
      } else {
        const wanted = this.#wanted();
        if (at < chunk.length) {
          const copied = chunk.copy(
            this.#carry,
            this.#carried,
            at,
            Math.min(chunk.length, at + wanted - this.#carried),
          );
          at += copied;
          this.#carried += copied;
        }
        if (this.#carried < wanted) break;
        if (this.#wanted() > wanted) continue;
        if (this.#take(this.#carry, 0) === 0) break;
        this.#carried = 0;
      }
    }
    this.#streamBytes += at - from;
    return at;
  }

  /**
   * Call at the end of the stream.
   *
   * @throws InvalidVmdkError if it should have gone on
   */
  end(): VmdkInfo {
    const end = this.#streamBytes;
    if (this.#state === 'header') checkMagic(this.#carry.subarray(0, this.#carried), 0);
    const whole = this.#state === 'marker' && this.#skip === 0 && this.#carried === 0;
    const missing = this.#front?.missing ?? 0;
    const needsEndOfStream = this.#state !== 'end';
    if (needsEndOfStream && !whole) throw new InvalidVmdkError('truncated', end, 'the stream ends in the middle');
    if (needsEndOfStream && missing > 0) {
      throw new InvalidVmdkError('truncated', end, `the stream ends before the last ${missing} of its grains`);
    }
    if (needsEndOfStream && this.#layout !== 'qemu') {
      throw new InvalidVmdkError('truncated', end, 'the stream ends without an end-of-stream marker');
    }
    if (needsEndOfStream) this.#front?.end();
    return this.#info(needsEndOfStream);
  }

  /** How many bytes must be there before what comes next can be told or taken. */
  #wanted(): number {
    if (this.#state !== 'marker') return SECTOR;
    return this.#carried < GRAIN_MARKER || this.#carry.readUInt32LE(8) > 0 ? GRAIN_MARKER : SECTOR;
  }

  #passGrain(chunk: Buffer, from: number): number {
    const to = Math.min(chunk.length, from + this.#skip);
    const dataTo = Math.min(to, from + this.#data);
    if (dataTo > from) this.visitor?.data(chunk, from, dataTo);
    if (to > dataTo) this.visitor?.padding?.(chunk, dataTo, to);
    this.#data -= dataTo - from;
    this.#skip -= to - from;
    return to;
  }

  /** Takes a sector, or a grain's marker. Returns how many bytes that was, or 0 if the visitor does not want it yet. */
  #take(bytes: Buffer, from: number): number {
    switch (this.#state) {
      case 'header':
        this.#readHeader(bytes, from);
        break;
      case 'overhead':
        this.#readOverhead(bytes, from);
        break;
      case 'marker': {
        const size = bytes.readUInt32LE(from + 8);
        if (size > 0) return this.#beginGrain(readU64(bytes, from), size) ? GRAIN_MARKER : 0;
        this.#readMarker(readU64(bytes, from), bytes.readUInt32LE(from + 12), bytes, from);
        break;
      }
      case 'payload':
        this.#payload(this.#sectors - this.#left, bytes, from);
        this.#left -= 1;
        if (this.#left === 0) this.#state = 'marker';
        break;
      case 'end':
        break;
    }
    this.visitor?.structure?.(bytes, from, from + SECTOR);
    this.#offset += SECTOR;
    return SECTOR;
  }

  #readHeader(bytes: Buffer, from: number): void {
    const sector = bytes.subarray(from, from + SECTOR);
    const header = parseHeader(sector, 0);
    sector.copy(this.#headerBytes);
    this.#header = header;
    this.#geometry = grainGeometry(header);
    this.#descriptorReader = new DescriptorReader(header.descriptorOffset * SECTOR);
    if (header.gdOffset !== GD_AT_END && header.gdOffset < header.overHead) {
      this.#layout = header.rgdOffset === 0 ? 'front' : 'qemu';
      this.#front = new FrontTables(header, this.#geometry);
    } else {
      this.#layout = header.gdOffset === GD_AT_END ? 'esxi' : 'patched';
      this.#tail = new TailTables(this.#geometry);
    }
    this.#state = 'overhead';
  }

  #readOverhead(bytes: Buffer, from: number): void {
    const { descriptorOffset, descriptorSize, overHead } = this.#known();
    const sector = this.#offset / SECTOR;
    const line = sector - descriptorOffset;
    if (line >= 0 && line < descriptorSize) this.#descriptorReader?.sector(bytes, from);
    if (line === descriptorSize - 1) this.#endDescriptor();
    this.#front?.sector(sector, bytes, from);
    if (sector + 1 === overHead) {
      this.#front?.endTables(this.#offset + SECTOR);
      this.#state = 'marker';
    }
  }

  #endDescriptor(): void {
    const { capacity, grainSize } = this.#known();
    this.#descriptor = this.#descriptorReader?.end();
    const sectors = this.#descriptor?.extentSectors ?? 0;
    // VirtualBox rounds the header's capacity up to a grain, and keeps the exact size in the descriptor only.
    if (sectors !== capacity && Math.ceil(sectors / grainSize) * grainSize !== capacity) {
      const at = this.#known().descriptorOffset * SECTOR;
      const message = `the descriptor's extent has ${sectors} sectors, the header ${capacity}`;
      throw new InvalidVmdkError('bad-descriptor', at, message);
    }
  }

  #beginGrain(lba: number, size: number): boolean {
    const { capacity, grainSize } = this.#known();
    const sector = this.#offset / SECTOR;
    const index = lba / grainSize;
    if (this.#directorySector !== 0) this.#refuse('bad-marker', 8, 'a grain follows the grain directory');
    if (lba >= capacity) this.#refuse('grain-out-of-range', 0, `a grain at sector ${lba} of a disk of ${capacity}`);
    if (!Number.isInteger(index)) this.#refuse('grain-misaligned', 0, `a grain at sector ${lba}`);
    if (size > MAX_GRAIN_DATA * grainSize * SECTOR)
      this.#refuse('grain-too-big', 8, `a grain with ${size} bytes of data`);
    if (index === this.#lastGrain) this.#refuse('grain-duplicate', 0, `a second grain at sector ${lba}`);
    if (index < this.#lastGrain) this.#refuse('grain-out-of-order', 0, `a grain at sector ${lba}, behind a later one`);
    if (sector > MAX_ENTRY) this.#refuse('too-large', 0, 'a grain beyond what a table can name');
    if (this.visitor?.begin(index, size, this.#offset) === false) return false;

    this.#front?.grain(index, sector);
    this.#tail?.grain(index, sector);
    this.#lastGrain = index;
    this.#grains += 1;
    this.#coveredSectors = lba + grainSize;
    const length = Math.ceil((GRAIN_MARKER + size) / SECTOR) * SECTOR;
    this.#data = size;
    this.#skip = length - GRAIN_MARKER;
    this.#offset += length;
    return true;
  }

  #readMarker(sectors: number, type: number, bytes: Buffer, from: number): void {
    if (this.#footerSeen && type !== Marker.endOfStream) {
      this.#refuse('bad-marker', 12, `a marker of type ${type} follows the footer`);
    }
    switch (type) {
      case Marker.endOfStream:
        this.#readEndOfStream(sectors);
        break;
      case Marker.grainTable:
        this.#beginTable(sectors);
        break;
      case Marker.grainDirectory:
        this.#beginDirectory(sectors);
        break;
      case Marker.footer:
        this.#beginFooter(sectors);
        break;
      case Marker.progress:
        // In no specification: vSphere writes it, four times in a row, while it passes over long empty areas.
        this.#checkSectors(sectors, 0);
        this.#coveredSectors = Math.max(this.#coveredSectors, readU64(bytes, from + 16));
        break;
      default:
        this.#refuse('bad-marker', 12, `unknown marker type ${type}`);
    }
  }

  #readEndOfStream(sectors: number): void {
    this.#checkSectors(sectors, 0);
    if (this.#front === undefined && !this.#footerSeen) {
      this.#refuse('bad-marker', 12, 'the end-of-stream marker comes before the footer');
    }
    const missing = this.#front?.missing ?? 0;
    if (missing > 0) this.#refuse('table-mismatch', 0, `${missing} grains of the tables are not there`);
    this.#front?.end();
    this.#coveredSectors = this.#known().capacity;
    this.#state = 'end';
  }

  #beginTable(sectors: number): void {
    const tail = this.#tail;
    if (tail === undefined || this.#directorySector !== 0)
      return this.#refuse('bad-marker', 12, 'a misplaced grain table');
    this.#checkSectors(sectors, tail.geometry.tableSectors);
    this.#beginPayload(sectors, (part, bytes, from) => {
      tail.tableSector(this.#offset / SECTOR, part, bytes, from);
    });
  }

  #beginDirectory(sectors: number): void {
    const tail = this.#tail;
    const { gdOffset } = this.#known();
    if (tail === undefined || this.#directorySector !== 0) {
      return this.#refuse('bad-marker', 12, 'a misplaced grain directory');
    }
    const { tables } = tail.geometry;
    // vmdktool's directories have an entry more than there are tables.
    this.#checkSectors(sectors, Math.ceil((tables * 4) / SECTOR), Math.ceil(((tables + 1) * 4) / SECTOR));
    tail.beginDirectory(this.#offset);
    this.#directorySector = this.#offset / SECTOR + 1;
    if (gdOffset !== GD_AT_END && gdOffset !== this.#directorySector) {
      throw new InvalidVmdkError('directory-mismatch', GD_OFFSET_FIELD, `there is no directory at sector ${gdOffset}`);
    }
    this.#beginPayload(sectors, (part, bytes, from) => {
      tail.directorySector(this.#offset / SECTOR, part, bytes, from);
    });
  }

  #beginFooter(sectors: number): void {
    if (this.#directorySector === 0) this.#refuse('bad-marker', 12, 'a footer without a grain directory before it');
    this.#checkSectors(sectors, 1);
    this.#footerSeen = true;
    this.#beginPayload(sectors, (_part, bytes, from) => {
      this.#checkFooter(bytes, from);
    });
  }

  #checkFooter(bytes: Buffer, from: number): void {
    for (let at = 0; at < SECTOR; at++) {
      const inOffset = at >= GD_OFFSET_FIELD && at < GD_OFFSET_FIELD + 8;
      if (!inOffset && bytes[from + at] !== this.#headerBytes[at]) {
        this.#refuse('footer-mismatch', at, 'the footer differs from the header');
      }
    }
    if (readU64(bytes, from + GD_OFFSET_FIELD) !== this.#directorySector) {
      this.#refuse('footer-mismatch', GD_OFFSET_FIELD, 'the footer has another place for the grain directory');
    }
  }

  #beginPayload(sectors: number, payload: (part: number, bytes: Buffer, from: number) => void): void {
    this.#payload = payload;
    this.#sectors = sectors;
    this.#left = sectors;
    this.#state = 'payload';
  }

  #checkSectors(sectors: number, ...allowed: number[]): void {
    if (!allowed.includes(sectors)) {
      this.#refuse('bad-marker', 0, `the marker announces ${sectors} sectors, not ${allowed[0] ?? 0}`);
    }
  }

  /** Nothing but zeros follows the end. qemu-img fills files up with them, and stores that keep whole GiB do. */
  #takePadding(chunk: Buffer, from: number): void {
    for (let at = from; at < chunk.length;) {
      const to = Math.min(chunk.length, at + ZEROS.length);
      if (ZEROS.compare(chunk, at, to, 0, to - at) !== 0) {
        while (chunk[at] === 0) at += 1;
        const place = this.#streamBytes + this.#paddingBytes + at - from;
        throw new InvalidVmdkError('trailing-bytes', place, 'something else than zeros follows the end of the stream');
      }
      at = to;
    }
    this.#paddingBytes += chunk.length - from;
  }

  #known(): SparseHeader {
    if (this.#header === undefined) throw new Error('the header is not known yet');
    return this.#header;
  }

  #refuse(reason: InvalidVmdkReason, field: number, message: string): never {
    throw new InvalidVmdkError(reason, this.#offset + field, message);
  }

  #info(needsEndOfStream: boolean): VmdkInfo {
    const { version, grainSize } = this.#known();
    if (this.#descriptor === undefined) throw new Error('the descriptor is not known yet');
    const { descriptor, extentSectors, warnings } = this.#descriptor;
    const importProblems: ImportProblem[] = [];
    if (needsEndOfStream) importProblems.push('no-end-of-stream');
    if (version < 3) importProblems.push('version-too-old');
    return {
      capacityBytes: extentSectors * SECTOR,
      allocatedBytes: this.#grains * grainSize * SECTOR,
      streamBytes: this.#streamBytes,
      paddingBytes: this.#paddingBytes,
      layout: this.#layout,
      version,
      grainCount: this.#grains,
      grainBytes: grainSize * SECTOR,
      needsEndOfStream,
      importable: importProblems.length === 0,
      importProblems,
      warnings: extentSectors > MAX_ENTRY ? ['capacity-over-2-tib', ...warnings] : warnings,
      descriptor,
    };
  }
}
