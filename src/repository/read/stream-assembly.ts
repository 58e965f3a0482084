import { RepositoryDamagedError } from '../../errors/index.js';
import { chunkBytes } from '../../stream/chunk-bytes.js';
import type { ChunkPool } from '../../stream/chunk-pool.js';
import type { RecipeStep } from '../stream/recipe-reader.js';
import { grainMarkerBytes, markerType, progressMarker, sectorBytes, StreamTail } from '../stream/stream-tail.js';

const zeros = Buffer.alloc(sectorBytes);

/** Puts a stream together from its grains and the steps of its recipe, in chunks. */
export class StreamAssembly {
  readonly #pool: ChunkPool;
  readonly #tail = new StreamTail();
  readonly #marker = Buffer.alloc(grainMarkerBytes);
  #full: Buffer<ArrayBuffer>[] = [];
  /** The chunk that is being filled, and how far it is. */
  #chunk: Buffer<ArrayBuffer> | undefined;
  #filled = 0;
  /** The last grain, whose padding may follow. */
  #open: { readonly index: number; readonly size: number } | undefined;

  /** @param pool what the chunks lie in */
  constructor(pool: ChunkPool) {
    this.#pool = pool;
  }

  /** Length of the stream so far, in bytes. */
  get offset(): number {
    return this.#tail.offset;
  }

  /** The chunks that are full. */
  takeFull(): Buffer<ArrayBuffer>[] {
    const full = this.#full;
    this.#full = [];
    return full;
  }

  /** What is left at the end. */
  takeRest(): Buffer<ArrayBuffer>[] {
    const rest = this.#chunk?.subarray(0, this.#filled);
    this.#chunk = undefined;
    this.#filled = 0;
    return rest === undefined ? [] : [rest];
  }

  /** @param bytes which are the caller's again when this returns */
  grain(index: number, bytes: Buffer): void {
    this.endGrain();
    this.#tail.writeMarker(this.#marker, 0, index, bytes.length);
    this.#add(this.#marker);
    this.#add(bytes);
    this.#open = { index, size: bytes.length };
  }

  take(step: Exclude<RecipeStep, { readonly kind: 'grains' }>): void {
    if (step.kind === 'padding') {
      this.endGrain(step.bytes);
      return;
    }
    this.endGrain();
    switch (step.kind) {
      case 'verbatim':
        this.#tail.verbatim(step.bytes);
        this.#add(step.bytes);
        return;
      case 'progress':
        this.#told(markerType.progress, progressMarker(BigInt(step.sector)));
        return;
      case 'told':
        this.#told(step.marker, this.#tail.next(step.marker));
    }
  }

  /** Fills the last grain's sector up, with zeros unless told otherwise. */
  endGrain(padding?: Buffer): void {
    if (this.#open === undefined) return;
    const { index, size } = this.#open;
    this.#open = undefined;
    const bytes = padding ?? zeros.subarray(0, this.#tail.grainLength(size) - grainMarkerBytes - size);
    this.#tail.grain(index, grainMarkerBytes + size + bytes.length);
    this.#add(bytes);
  }

  #told(marker: number, bytes: Buffer | undefined): void {
    if (bytes === undefined) throw new RepositoryDamagedError('the recipe of a backup has a table where none can be');
    this.#tail.told(marker, bytes);
    this.#add(bytes);
  }

  #add(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      this.#chunk ??= this.#pool.take();
      const copied = bytes.copy(this.#chunk, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled < chunkBytes) return;
      this.#full.push(this.#chunk);
      this.#chunk = undefined;
      this.#filled = 0;
    }
  }
}
