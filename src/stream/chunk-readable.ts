import { Readable } from 'node:stream';
import { AbortError } from '../errors/index.js';
import { chunkBytes } from './chunk-bytes.js';
import type { ChunkSource } from './chunk-source.js';
import { closeSource } from './close-source.js';

/** How a stream of chunks ends. */
export interface ChunkReadableOptions {
  /** Called when there are no more chunks. Where it throws, the stream ends with that error. */
  readonly atEnd?: (() => void) | undefined;
  /** Ends the stream with an `AbortError` when aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** The methods by which the driver takes the chunks of a stream that this package made, in whichever of its copies. */
const claim: unique symbol = Symbol.for('vmdk-driver/claim-chunks');
const release: unique symbol = Symbol.for('vmdk-driver/release-chunk');

/**
 * A stream of chunks. The last one is only given once the source has ended well: also a reader that counts bytes, and does
 * not wait for the stream's end, never has all of a wrong one.
 */
export class ChunkReadable extends Readable {
  readonly #source: ChunkSource;
  readonly #options: ChunkReadableOptions;
  /** The chunk that is held back. */
  #held: Buffer | undefined;
  readonly #onAbort: () => void;
  /** Who takes the chunks, if anybody does by now. */
  #taker: 'reader' | 'claimer' | undefined;

  constructor(source: ChunkSource, options: ChunkReadableOptions = {}) {
    super({ highWaterMark: chunkBytes });
    const { signal } = options;
    this.#source = source;
    this.#options = options;
    this.#onAbort = () => {
      if (signal !== undefined) this.destroy(new AbortError(signal));
    };
    if (signal?.aborted === true) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /**
   * Gives the chunks to whoever can use them as they are; the stream itself then gives nothing more. Destroying it still ends
   * them.
   *
   * @returns undefined where somebody reads the stream already, or listens to what comes from it
   */
  [claim](): ChunkSource | undefined {
    const isUsed =
      this.#taker !== undefined ||
      this.readableFlowing !== null ||
      this.destroyed ||
      ['data', 'readable', 'end'].some((event) => this.listenerCount(event) > 0);
    if (isUsed) return undefined;
    this.#taker = 'claimer';
    const source = this.#source;
    return {
      next: async () => {
        try {
          const chunk = await source.next();
          if (chunk === undefined) this.#options.atEnd?.();
          if (!this.destroyed) return chunk;
        } catch (error) {
          if (!this.destroyed) throw error;
        }
        throw this.errored ?? new Error('the stream was closed before its end');
      },
      release: (chunk) => {
        source.release(chunk);
      },
      close: async () => {
        this.destroy();
        await source.close();
      },
    };
  }

  /** Takes the memory of a chunk back, unless somebody else listens to what comes from the stream, and may keep it. */
  [release](chunk: Buffer<ArrayBuffer>): void {
    if (this.listenerCount('data') === 1 && this.listenerCount('readable') === 0) this.#source.release(chunk);
  }

  override _read(): void {
    if (this.#taker === 'claimer') return;
    this.#taker = 'reader';
    this.#next().catch((error: unknown) => {
      this.destroy(error as Error);
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    closeSource(this.#source).then(
      () => {
        done(error);
      },
      (closeError: unknown) => {
        done(error ?? (closeError as Error));
      },
    );
  }

  async #next(): Promise<void> {
    const before = (this.#held ??= await this.#source.next());
    this.#held = await this.#source.next();
    if (this.#held === undefined) this.#options.atEnd?.();
    if (before !== undefined) this.push(before);
    if (this.#held === undefined) this.push(null);
  }
}

/** The chunks of a stream, without a copy, where this package made it and nobody has anything to do with it yet. */
export function claimChunks(stream: Readable): ChunkSource | undefined {
  return isChunkReadable(stream) ? stream[claim]() : undefined;
}

/**
 * Says that the only reader of a stream, who listens to its `data`, does not use a chunk any more: where this package made the
 * stream, the chunk's memory is used again.
 */
export function releaseChunk(stream: Readable, chunk: unknown): void {
  if (isChunkReadable(stream) && chunk instanceof Buffer) stream[release](chunk as Buffer<ArrayBuffer>);
}

/** Whether this package made a stream of chunks, be it another copy of the package. */
function isChunkReadable(stream: Readable): stream is ChunkReadable {
  return claim in stream;
}
