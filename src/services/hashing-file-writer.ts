import type { FileHandle } from 'node:fs/promises';
import { chunkBytes } from '../stream/chunk-bytes.js';
import { FileChunks } from '../stream/file-chunks.js';
import { hashedChunk, type HashedStream } from '../stream/hashed-bytes.js';
import { StreamDigest } from '../stream/stream-digest.js';
import { writeAll } from '../stream/write-all.js';

/** What was written. */
export interface WrittenStream {
  /** Length in bytes. */
  readonly streamBytes: number;
  /** SHA-256, 64 lowercase hexadecimal digits. */
  readonly sha256: string;
}

/**
 * Writes a file from its beginning and knows length and SHA-256 of what it wrote.
 *
 * Chunks that the driver hashed on their way are written as they are, and its SHA-256 holds for the file as long as they
 * come one after the other from the stream's beginning to its end. Anybody else's are collected into large writes and
 * hashed in another thread, one such write while the next is collected. Calls must not overlap.
 */
export class HashingFileWriter {
  readonly #handle: FileHandle;
  /** The stream all bytes so far are of, where it is hashed elsewhere. */
  #hashed: HashedStream | undefined;
  /** Whether whoever opened the writer knows that all bytes will be of that stream. */
  readonly #isKnown: boolean;
  readonly #digest = new StreamDigest(['sha256']);
  #buffer: Buffer<ArrayBuffer> | undefined;
  #spare: Buffer<ArrayBuffer> | undefined;
  #filled = 0;
  /** Bytes written, or being written. */
  #position = 0;
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param handle open for reading and writing
   * @param hashed the stream that all bytes will be of, where that was hashed
   */
  constructor(handle: FileHandle, hashed?: WrittenStream) {
    this.#handle = handle;
    this.#hashed = hashed;
    this.#isKnown = hashed !== undefined;
  }

  /** Takes a chunk of any size. It may be used again once this resolves. */
  async write(chunk: Uint8Array): Promise<void> {
    const origin = hashedChunk(chunk);
    if (this.#position === 0 && this.#filled === 0 && origin?.position === 0) this.#hashed ??= origin.stream;
    if (this.#hashed !== undefined) {
      if (this.#isKnown || (origin?.stream === this.#hashed && origin.position === this.#position)) {
        await writeAll(this.#handle, chunk, this.#position);
        this.#position += chunk.length;
        return;
      }
      await this.#hashWritten();
    }
    for (let rest = chunk; rest.length > 0;) {
      this.#buffer ??= Buffer.allocUnsafeSlow(chunkBytes);
      const taken = rest.subarray(0, chunkBytes - this.#filled);
      this.#buffer.set(taken, this.#filled);
      this.#filled += taken.length;
      rest = rest.subarray(taken.length);
      if (this.#filled === chunkBytes) await this.#flush();
    }
  }

  /** Writes what is still held back. No more can be written after that. It does not sync. */
  async finish(): Promise<WrittenStream> {
    await this.#flush();
    await this.#writing;
    const streamBytes = this.#position;
    const { sha256 } = this.#hashed ?? {};
    if (sha256 !== undefined && this.#hashed?.streamBytes === streamBytes) return { streamBytes, sha256 };
    if (this.#hashed !== undefined) await this.#hashWritten();
    return { streamBytes, sha256: (await this.#digest.end()).sha256 ?? '' };
  }

  /** Resolves when no write is under way any more, however it ended. Nothing can be done after that. */
  async settle(): Promise<void> {
    await this.#writing.catch(() => undefined);
    this.#digest.drop();
  }

  async #flush(): Promise<void> {
    await this.#writing;
    if (this.#buffer === undefined || this.#filled === 0) return;
    this.#writing = this.#put(this.#buffer.subarray(0, this.#filled));
    // Its failure is met by the next flush; until then it must not count as unhandled.
    this.#writing.catch(() => undefined);
    this.#buffer = this.#spare;
    this.#spare = undefined;
    this.#filled = 0;
  }

  async #put(bytes: Buffer<ArrayBuffer>): Promise<void> {
    const position = this.#position;
    this.#position += bytes.length;
    const hashed = await this.#digest.take(bytes);
    await writeAll(this.#handle, hashed, position);
    this.#spare = Buffer.from(hashed.buffer);
  }

  /** What comes is not what the driver hashed: all that was written is to be hashed here as well. */
  async #hashWritten(): Promise<void> {
    this.#hashed = undefined;
    const written = new FileChunks(this.#handle, this.#position);
    for (let chunk = await written.next(); chunk !== undefined; chunk = await written.next()) {
      written.release(await this.#digest.take(chunk));
    }
  }
}
