import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { AbortError, StoreError } from '../../errors/index.js';
import { chunkBytes } from '../../stream/chunk-bytes.js';
import { type FillingStream, fills } from '../../stream/read-into.js';
import { asStoreError } from './store-error.js';

/** A part of an object that is no larger comes in one piece, in bytes: whoever asks for one puts it together otherwise. */
const largestPiece = 4 * 1024 * 1024;

/** A part of an open file as a stream. It ends with an error where the file turns out to be shorter, and closes the handle. */
export class FileReadStream extends Readable implements FillingStream {
  readonly #handle: FileHandle;
  readonly #what: string;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;
  readonly #end: number;
  readonly #pieceBytes: number;
  #position: number;
  #reading: Promise<unknown> = Promise.resolve();

  /**
   * Takes over the handle.
   *
   * @param what is read, for errors
   */
  constructor(handle: FileHandle, what: string, offset: number, length: number, signal: AbortSignal | undefined) {
    super({ highWaterMark: chunkBytes });
    this.#handle = handle;
    this.#what = what;
    this.#position = offset;
    this.#end = offset + length;
    this.#pieceBytes = length <= largestPiece ? length : chunkBytes;
    this.#signal = signal;
    this.#onAbort = () => {
      if (signal !== undefined) this.destroy(new AbortError(signal));
    };
    if (signal?.aborted === true) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get remainingBytes(): number {
    return this.#end - this.#position;
  }

  async [fills](memory: Uint8Array): Promise<number> {
    // Whoever waits for the memory gets to know.
    this.on('error', () => undefined);
    const filling = this.#fill(memory);
    this.#reading = filling.catch(() => undefined);
    try {
      return await filling;
    } catch (error) {
      throw asStoreError(error, `${this.#what} cannot be read`);
    } finally {
      this.destroy();
    }
  }

  override _read(): void {
    this.#reading = this.#next().catch((error: unknown) => {
      this.destroy(asStoreError(error, `${this.#what} cannot be read`));
    });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    // A read must not outlive its descriptor, whose number the next file gets.
    void this.#reading
      .then(() => this.#handle.close())
      .catch(() => undefined)
      .then(() => {
        callback(error);
      });
  }

  async #fill(memory: Uint8Array): Promise<number> {
    let filled = 0;
    while (this.#position < this.#end) {
      if (this.destroyed) throw this.errored ?? new Error('the stream was closed before its end');
      filled += await this.#readInto(memory, filled, this.#end - this.#position);
    }
    return filled;
  }

  async #next(): Promise<void> {
    if (this.#position === this.#end) {
      this.push(null);
      return;
    }
    // Not used again: the reader may keep it.
    const buffer = Buffer.allocUnsafeSlow(Math.min(this.#pieceBytes, this.#end - this.#position));
    this.push(buffer.subarray(0, await this.#readInto(buffer, 0, buffer.length)));
  }

  async #readInto(memory: Uint8Array, offset: number, length: number): Promise<number> {
    const { bytesRead } = await this.#handle.read(memory, offset, length, this.#position);
    if (bytesRead === 0) throw new StoreError('integrity', `${this.#what} became shorter while it was read`);
    this.#position += bytesRead;
    return bytesRead;
  }
}
