import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { AbortError, StoreError } from '../../errors/index.js';
import { chunkBytes } from '../../stream/chunk-bytes.js';
import { asStoreError } from './store-error.js';

/** A part of an object that is no larger comes in one piece, in bytes: whoever asks for one puts it together otherwise. */
const largestPiece = 4 * 1024 * 1024;

/** A part of an open file as a stream. It ends with an error where the file turns out to be shorter, and closes the handle. */
export class FileReadStream extends Readable {
  readonly #handle: FileHandle;
  readonly #what: string;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;
  readonly #end: number;
  readonly #pieceBytes: number;
  #position: number;
  #reading: Promise<void> = Promise.resolve();

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

  async #next(): Promise<void> {
    if (this.#position === this.#end) {
      this.push(null);
      return;
    }
    // Not used again: the reader may keep it.
    const buffer = Buffer.allocUnsafeSlow(Math.min(this.#pieceBytes, this.#end - this.#position));
    const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.#position);
    if (bytesRead === 0) throw new StoreError('integrity', `${this.#what} became shorter while it was read`);
    this.#position += bytesRead;
    this.push(buffer.subarray(0, bytesRead));
  }
}
