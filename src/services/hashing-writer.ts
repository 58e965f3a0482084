import { Readable } from 'node:stream';
import { BackupServiceError } from '../errors/index.js';
import { chunkBytes } from '../stream/chunk-bytes.js';
import { DigestedChunks } from '../stream/digested-chunks.js';
import { hashedChunk, type HashedStream } from '../stream/hashed-bytes.js';
import { ReadableChunks } from '../stream/readable-chunks.js';
import { StreamDigest } from '../stream/stream-digest.js';

/** What was written. */
export interface WrittenStream {
  /** Length in bytes. */
  readonly streamBytes: number;
  /** SHA-256, 64 lowercase hexadecimal digits. */
  readonly sha256: string;
}

/** Where a stream is written to. */
export interface StreamPlace {
  /** Takes the next bytes, which may be used again once it resolves. Calls do not overlap. */
  put(bytes: Uint8Array, position: number): Promise<void>;
  /** The first so many bytes of what was put; asked for only once nothing more comes. */
  reread(bytes: number): AsyncIterable<Uint8Array>;
}

/**
 * Writes a stream and knows length and SHA-256 of what it wrote. It hashes nothing in this thread.
 *
 * Chunks that the driver hashed on their way are written as they are, and its SHA-256 holds as long as they come one after the
 * other from the stream's beginning to its end. Anybody else's are collected into large writes and hashed in another thread, one
 * such write while the next is collected. Where the driver's are followed by others, all is read again at the end. Calls must not
 * overlap.
 */
export class HashingWriter {
  readonly #place: StreamPlace;
  /** The stream all bytes so far are of, where it is hashed elsewhere. */
  #hashed: HashedStream | undefined;
  /** Whether whoever opened the writer knows that all bytes will be of that stream. */
  readonly #isKnown: boolean;
  /** Whether bytes that were hashed elsewhere are followed by others. */
  #isMixed = false;
  readonly #digest = new StreamDigest(['sha256']);
  #buffer: Buffer<ArrayBuffer> | undefined;
  #spare: Buffer<ArrayBuffer> | undefined;
  #filled = 0;
  /** Bytes written, or being written. */
  #position = 0;
  #writing: Promise<void> = Promise.resolve();

  /** @param hashed the stream that all bytes will be of, where that was hashed */
  constructor(place: StreamPlace, hashed?: WrittenStream) {
    this.#place = place;
    this.#hashed = hashed;
    this.#isKnown = hashed !== undefined;
  }

  /** Takes a chunk of any size. It may be used again once this resolves. */
  async write(chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0) return;
    const origin = hashedChunk(chunk);
    const isFirst = this.#position === 0 && this.#filled === 0;
    if (isFirst && origin?.position === 0) this.#hashed ??= origin.stream;
    if (this.#hashed !== undefined) {
      if (this.#isKnown || (origin?.stream === this.#hashed && origin.position === this.#position)) {
        await this.#place.put(chunk, this.#position);
        this.#position += chunk.length;
        return;
      }
      this.#hashed = undefined;
      this.#isMixed = true;
    }
    for (let rest = chunk; rest.length > 0;) {
      this.#buffer ??= Buffer.allocUnsafeSlow(chunkBytes);
      const taken = rest.subarray(0, chunkBytes - this.#filled);
      this.#buffer.set(taken, this.#filled);
      this.#filled += taken.length;
      rest = rest.subarray(taken.length);
      if (this.#filled === chunkBytes) await this.#put();
    }
  }

  /** Writes what is still held back, and waits for it. No more can be written after that. */
  async flush(): Promise<void> {
    await this.#put();
    await this.#writing;
  }

  /** {@link flush}, and what was written in all. */
  async finish(): Promise<WrittenStream> {
    await this.flush();
    const streamBytes = this.#position;
    const { sha256 } = this.#hashed ?? {};
    if (sha256 !== undefined && this.#hashed?.streamBytes === streamBytes) return { streamBytes, sha256 };
    const isHashedHere = this.#hashed === undefined && !this.#isMixed;
    const digests = isHashedHere ? await this.#digest.end() : await this.#rehash();
    return { streamBytes, sha256: digests.sha256 ?? '' };
  }

  /** Resolves when no write is under way any more, however it ended. Nothing can be done after that. */
  async settle(): Promise<void> {
    await this.#writing.catch(() => undefined);
    this.#digest.drop();
  }

  async #put(): Promise<void> {
    await this.#writing;
    if (this.#buffer === undefined || this.#filled === 0) return;
    this.#writing = this.#hashAndPut(this.#buffer.subarray(0, this.#filled));
    // Its failure is met by the next one; until then it must not count as unhandled.
    this.#writing.catch(() => undefined);
    this.#buffer = this.#spare;
    this.#spare = undefined;
    this.#filled = 0;
  }

  async #hashAndPut(bytes: Buffer<ArrayBuffer>): Promise<void> {
    const position = this.#position;
    this.#position += bytes.length;
    const hashed = this.#isMixed ? bytes : await this.#digest.take(bytes);
    await this.#place.put(hashed, position);
    this.#spare = Buffer.from(hashed.buffer);
  }

  async #rehash() {
    const source = new ReadableChunks(Readable.from(this.#place.reread(this.#position)));
    const chunks = new DigestedChunks(source);
    try {
      for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) chunks.release(chunk);
      if (chunks.streamBytes === this.#position) return chunks.digests;
      throw new BackupServiceError(`${this.#position} bytes were written, and ${chunks.streamBytes} can be read again`);
    } finally {
      await chunks.close();
    }
  }
}
