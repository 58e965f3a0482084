import { InvalidVmdkError } from '../../errors/index.js';
import { StreamParser } from '../../vmdk/stream-parser.js';
import type { StreamVisitor } from '../../vmdk/stream-visitor.js';
import { maxGrains } from '../format/root.js';
import { GrainBatch } from './grain-batch.js';
import type { MemoryPool } from './memory-pool.js';
import { operation, operationOf } from './recipe.js';
import type { RecipeWriter } from './recipe-writer.js';
import { grainMarkerBytes, markerType, progressMarker, sectorBytes, StreamTail } from './stream-tail.js';

/** What padding usually is: less than a sector of zeros. */
const zeros = Buffer.alloc(sectorBytes);

/** A block of metadata that is compared with what was told, sector by sector. */
interface Expectation {
  readonly type: number;
  readonly bytes: Buffer;
  matched: number;
}

/**
 * Takes a stream apart into its grains and the recipe that puts it together again, to the byte. Any stream can be taken
 * apart: what is not a VMDK, or from some byte on not a good one, is kept as it is.
 */
export class StreamSplitter implements StreamVisitor {
  readonly #recipe: RecipeWriter;
  readonly #memory: MemoryPool;
  readonly #tail = new StreamTail();
  readonly #parser = new StreamParser(this);
  #batch: GrainBatch | undefined;
  #full: GrainBatch[] = [];
  /** The grain that is under way, and how much of it has come. */
  #open: { readonly index: number; readonly size: number; data: number; padding: Buffer[] } | undefined;
  #expectation: Expectation | undefined;
  /** Bytes the parser has taken and not passed on yet: less than a sector. */
  #held = Buffer.alloc(0);
  #passedOn = 0;
  #failed = false;

  /** @param memory what the grains are collected in: whoever takes a batch releases it */
  constructor(recipe: RecipeWriter, memory: MemoryPool) {
    this.#recipe = recipe;
    this.#memory = memory;
  }

  /** Bytes of a grain of the disk; 0 as long as no header was understood. */
  get grainBytes(): number {
    return this.#parser.geometry?.grainBytes ?? 0;
  }

  /** Takes the stream's next bytes, which are the caller's again when it returns. */
  push(chunk: Buffer): void {
    if (this.#failed) {
      this.#verbatim(chunk);
      return;
    }
    this.#passedOn = 0;
    const held = this.#held;
    try {
      this.#parser.parse(chunk, 0);
    } catch (error) {
      if (!(error instanceof InvalidVmdkError)) throw error;
      this.#failed = true;
    }
    const all = this.#passedOn >= held.length ? undefined : Buffer.concat([held, chunk]);
    const rest = all?.subarray(this.#passedOn) ?? chunk.subarray(this.#passedOn - held.length);
    if (this.#failed) this.#giveUp(rest);
    else this.#held = Buffer.from(rest);
  }

  /** Says that the stream has ended. */
  end(): void {
    if (!this.#failed) this.#giveUp(this.#held);
    this.#failed = true;
    if (this.#batch !== undefined && this.#batch.grains.length > 0) this.#full.push(this.#batch);
    this.#batch = undefined;
  }

  /** The batches that are full; after {@link end} all that are left. */
  takeBatches(): GrainBatch[] {
    const full = this.#full;
    this.#full = [];
    return full;
  }

  begin(index: number, size: number, at: number): boolean {
    if (index >= maxGrains) throw new InvalidVmdkError('too-large', at, 'a grain beyond what a map has room for');
    this.#endGrain();
    this.#endExpectation();
    this.#passedOn += grainMarkerBytes;
    if (this.#batch !== undefined && !this.#batch.hasRoomFor(size)) {
      this.#full.push(this.#batch);
      this.#batch = undefined;
    }
    this.#batch ??= new GrainBatch(this.#memory, size);
    this.#batch.begin(index);
    this.#recipe.grain();
    this.#open = { index, size, data: 0, padding: [] };
    return true;
  }

  data(bytes: Buffer, from: number, to: number): void {
    this.#passedOn += to - from;
    this.#batch?.add(bytes, from, to);
    if (this.#open !== undefined) this.#open.data += to - from;
  }

  padding(bytes: Buffer, from: number, to: number): void {
    this.#passedOn += to - from;
    this.#open?.padding.push(Buffer.from(bytes.subarray(from, to)));
  }

  structure(bytes: Buffer, from: number, to: number): void {
    this.#endGrain();
    this.#passedOn += to - from;
    const part = bytes.subarray(from, to);
    this.#expectation ??= this.#expect(part);
    if (this.#expectation === undefined) {
      this.#verbatim(part);
      return;
    }
    const { bytes: told, matched, type } = this.#expectation;
    if (!part.equals(told.subarray(matched, matched + part.length))) {
      this.#endExpectation();
      this.#verbatim(part);
      return;
    }
    this.#expectation.matched += part.length;
    if (this.#expectation.matched < told.length) return;
    this.#expectation = undefined;
    this.#tail.told(type, told);
    const code = operationOf.get(type);
    if (code === undefined) this.#recipe.put(operation.progress, Number(told.readBigUInt64LE(16)));
    else this.#recipe.put(code);
  }

  /** What a metadata marker promises, where that can be told. What is before the grains is none, whatever it looks like. */
  #expect(sector: Buffer): Expectation | undefined {
    const { firstSector = 0 } = this.#parser.geometry ?? {};
    if (this.#tail.offset < firstSector * sectorBytes || sector.length !== sectorBytes) return undefined;
    const type = sector.readUInt32LE(12);
    if (type === markerType.progress) {
      const at = sector.readBigUInt64LE(16);
      if (at > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
      return { type, bytes: progressMarker(at), matched: 0 };
    }
    const bytes = this.#tail.next(type);
    return bytes && { type, bytes, matched: 0 };
  }

  /** What was as told so far, and then not, is kept as it is. */
  #endExpectation(): void {
    const { bytes, matched } = this.#expectation ?? {};
    this.#expectation = undefined;
    if (bytes !== undefined && matched !== undefined) this.#verbatim(bytes.subarray(0, matched));
  }

  #endGrain(): void {
    if (this.#open === undefined) return;
    const { index, size, padding } = this.#open;
    this.#open = undefined;
    const bytes = Buffer.concat(padding);
    const usual = this.#tail.grainLength(size) - grainMarkerBytes - size;
    this.#tail.grain(index, grainMarkerBytes + size + bytes.length);
    if (bytes.length !== usual || !bytes.equals(zeros.subarray(0, usual))) this.#recipe.putPadding(bytes);
  }

  /** From here on the stream is kept as it is: what was under way, and `rest`. */
  #giveUp(rest: Buffer): void {
    this.#endExpectation();
    const open = this.#open;
    if (open !== undefined && open.data < open.size) {
      // Not a grain after all.
      this.#open = undefined;
      this.#recipe.undoGrain();
      const marker = Buffer.alloc(grainMarkerBytes);
      this.#tail.writeMarker(marker, 0, open.index, open.size);
      this.#verbatim(marker);
      this.#verbatim(this.#batch?.undo() ?? Buffer.alloc(0));
    }
    this.#endGrain();
    this.#verbatim(rest);
  }

  #verbatim(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#tail.verbatim(bytes);
    this.#recipe.putVerbatim(bytes);
  }
}
