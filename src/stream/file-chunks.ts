import type { FileHandle } from 'node:fs/promises';
import { ChunkPool } from './chunk-pool.js';
import type { ChunkSource } from './chunk-source.js';

/** A file's bytes, read one chunk ahead of whoever takes them. It takes the file over: closing it closes the file. */
export class FileChunks implements ChunkSource {
  readonly #handle: FileHandle;
  readonly #end: number;
  readonly #pool = new ChunkPool();
  #position = 0;
  #reading: Promise<Buffer<ArrayBuffer> | undefined> | undefined;
  #closed = false;

  /** @param to where to end, in bytes from the file's beginning, unless it ends before */
  constructor(handle: FileHandle, to = Infinity) {
    this.#handle = handle;
    this.#end = to;
  }

  next(): Promise<Buffer<ArrayBuffer> | undefined> {
    if (this.#closed) return Promise.reject(new Error('the file was let go'));
    const chunk = this.#reading ?? this.#read();
    this.#reading = chunk.then(() => this.#read());
    // Whoever asks for it gets to know; perhaps nobody does.
    this.#reading.catch(() => undefined);
    return chunk;
  }

  release(chunk: Buffer<ArrayBuffer>): void {
    this.#pool.give(chunk);
  }

  async close(): Promise<void> {
    this.#closed = true;
    // A read must not outlive its descriptor, whose number the next file gets.
    await this.#reading?.catch(() => undefined);
    await this.#handle.close();
  }

  async #read(): Promise<Buffer<ArrayBuffer> | undefined> {
    if (this.#closed) return undefined;
    const chunk = this.#pool.take();
    const length = Math.min(chunk.length, this.#end - this.#position);
    if (length <= 0) return undefined;
    const { bytesRead } = await this.#handle.read(chunk, 0, length, this.#position);
    if (bytesRead === 0) return undefined;
    this.#position += bytesRead;
    return chunk.subarray(0, bytesRead);
  }
}
