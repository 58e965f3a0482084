import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { writeAll } from '../stores/file/write-all.js';
import { chunkBytes } from '../stream/chunk-bytes.js';

/** What was written. */
export interface WrittenStream {
  /** Length in bytes. */
  readonly streamBytes: number;
  /** SHA-256, 64 lowercase hexadecimal digits. */
  readonly sha256: string;
}

/**
 * Writes a file from its beginning and takes length and SHA-256 on the way.
 *
 * Small chunks are collected into large writes, and one such write runs while the next is collected. Calls must not overlap.
 */
export class HashingFileWriter {
  readonly #handle: FileHandle;
  readonly #hash = createHash('sha256');
  #buffer: Buffer | undefined;
  #spare: Buffer | undefined;
  #filled = 0;
  #position = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Takes a chunk of any size. It may be used again once this resolves. */
  async write(chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.length;) {
      const rest = chunk.length - offset;
      if (this.#filled === 0 && rest >= chunkBytes) {
        await this.#writing;
        await this.#put(chunk.subarray(offset, offset + chunkBytes));
        offset += chunkBytes;
        continue;
      }
      this.#buffer ??= Buffer.allocUnsafeSlow(chunkBytes);
      const taken = Math.min(rest, chunkBytes - this.#filled);
      this.#buffer.set(chunk.subarray(offset, offset + taken), this.#filled);
      this.#filled += taken;
      offset += taken;
      if (this.#filled === chunkBytes) await this.#flush();
    }
  }

  /** Writes what is still held back. No more can be written after that. It does not sync. */
  async finish(): Promise<WrittenStream> {
    await this.#flush();
    await this.#writing;
    return { streamBytes: this.#position, sha256: this.#hash.digest('hex') };
  }

  /** Resolves when no write is under way any more, however it ended. */
  async settle(): Promise<void> {
    await this.#writing.catch(() => undefined);
  }

  async #flush(): Promise<void> {
    await this.#writing;
    if (this.#buffer === undefined || this.#filled === 0) return;
    const full = this.#buffer;
    this.#writing = this.#put(full.subarray(0, this.#filled));
    // Its failure is met by the next flush; until then it must not count as unhandled.
    this.#writing.catch(() => undefined);
    this.#buffer = this.#spare;
    this.#spare = full;
    this.#filled = 0;
  }

  async #put(bytes: Uint8Array): Promise<void> {
    const writing = writeAll(this.#handle, bytes, this.#position);
    this.#position += bytes.length;
    this.#hash.update(bytes);
    await writing;
  }
}
