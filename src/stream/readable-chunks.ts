import { AsyncResource } from 'node:async_hooks';
import { finished, type Readable } from 'node:stream';
import { isUint8Array } from 'node:util/types';
import { chunkBytes } from './chunk-bytes.js';
import { ChunkPool } from './chunk-pool.js';
import type { ChunkSource, LookAtBytes } from './chunk-source.js';
import { turnBytes } from './turn-bytes.js';

/** How the bytes of a stream are looked at on their way, and what it fails with. */
export interface ReadableOptions {
  readonly look?: LookAtBytes | undefined;
  /** Makes the stream's own errors typed. Default: they stay what they are. */
  readonly asError?: ((error: unknown) => unknown) | undefined;
}

interface Waiting {
  readonly resolve: (chunk: Buffer<ArrayBuffer> | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Collects the pieces of a stream, which are as small as they come (16 KiB from TLS), in chunks: the one time that bytes
 * are copied. It is one chunk ahead of whoever takes them; then the stream is paused.
 */
export class ReadableChunks implements ChunkSource {
  readonly #stream: Readable;
  readonly #options: ReadableOptions;
  readonly #pool = new ChunkPool();
  /** The caller's: turns are given by whichever stream came first. */
  readonly #context = new AsyncResource('VmdkDriverStream');
  readonly #waiting: Waiting[] = [];
  #ready: Buffer<ArrayBuffer> | undefined;
  /** The chunk that is being filled, and how far it is. */
  #chunk: Buffer<ArrayBuffer> | undefined;
  #filled = 0;
  /** What is left of a piece that there was no room for. */
  #rest: Uint8Array | undefined;
  /** Whether all streams together have taken enough of this turn. */
  #waitsForTurn = false;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(stream: Readable, options: ReadableOptions = {}) {
    this.#stream = stream;
    this.#options = options;
    // It also tells of a stream that failed before, or is closed without having ended.
    finished(stream, { writable: false }, (error) => {
      if (error === undefined || error === null) this.#ended = true;
      else this.#failStream(error);
      this.#advance();
    });
    // It may fail once more, late.
    stream.on('error', () => undefined);
    stream.on('data', (piece: unknown) => {
      if (isUint8Array(piece)) this.#rest = piece;
      else this.#failStream(new TypeError('the stream gives something else than bytes'));
      this.#advance();
      if (isUint8Array(piece) && !turnBytes.take(piece.length)) this.#waitForTurn();
    });
    stream.resume();
  }

  /** Whether whoever takes the chunks is waited for, and not the stream. */
  get isAhead(): boolean {
    return this.#ended || this.#rest !== undefined;
  }

  next(): Promise<Buffer<ArrayBuffer> | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#advance();
    });
  }

  release(chunk: Buffer<ArrayBuffer>): void {
    this.#pool.give(chunk);
  }

  close(): Promise<void> {
    this.#failStream(new Error('the stream was let go'));
    this.#advance();
    return Promise.resolve();
  }

  #advance(): void {
    for (;;) {
      this.#fill();
      const [waiting] = this.#waiting;
      if (waiting === undefined) break;
      if (this.#failure === undefined) {
        const chunk = this.#takeReady();
        if (chunk === undefined && !this.#ended) break;
        waiting.resolve(chunk);
      } else {
        waiting.reject(this.#failure.error);
      }
      this.#waiting.shift();
    }
    if (this.#rest !== undefined) this.#stream.pause();
    else if (this.#stream.isPaused() && !this.#waitsForTurn) this.#stream.resume();
  }

  #waitForTurn(): void {
    if (this.#waitsForTurn) return;
    this.#waitsForTurn = true;
    this.#stream.pause();
    turnBytes.later(() => {
      this.#waitsForTurn = false;
      this.#context.runInAsyncScope(() => {
        this.#advance();
      });
    });
  }

  /** Copies what has come, as far as there is room. */
  #fill(): void {
    while (this.#rest !== undefined && this.#ready === undefined && this.#failure === undefined) {
      this.#chunk ??= this.#pool.take();
      const taken = this.#rest.subarray(0, chunkBytes - this.#filled);
      let wanted = taken.length;
      try {
        wanted = this.#options.look?.(taken) ?? wanted;
      } catch (error) {
        this.#fail(error);
        return;
      }
      this.#chunk.set(taken.subarray(0, wanted), this.#filled);
      this.#filled += wanted;
      this.#rest = taken.length === this.#rest.length ? undefined : this.#rest.subarray(taken.length);
      if (this.#filled === chunkBytes) this.#ready = this.#takeFilled();
    }
  }

  #takeReady(): Buffer<ArrayBuffer> | undefined {
    const chunk = this.#ready ?? (this.#ended ? this.#takeFilled() : undefined);
    this.#ready = undefined;
    return chunk;
  }

  #takeFilled(): Buffer<ArrayBuffer> | undefined {
    const chunk = this.#filled === 0 ? undefined : this.#chunk?.subarray(0, this.#filled);
    this.#chunk = undefined;
    this.#filled = 0;
    return chunk;
  }

  #failStream(error: unknown): void {
    this.#fail(this.#options.asError?.(error) ?? error);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#rest = undefined;
    this.#stream.destroy();
  }
}
