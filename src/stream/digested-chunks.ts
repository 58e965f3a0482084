import type { ChunkSource } from './chunk-source.js';
import type { DigestAlgorithm } from './digest-worker.js';
import { type HashedStream, noteHashedChunk } from './hashed-bytes.js';
import { type Digests, StreamDigest } from './stream-digest.js';

/** A stream that is hashed on its way, in another thread: the next chunk while the last one is being used. */
export class DigestedChunks implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #digest: StreamDigest;
  #ahead: Promise<Buffer<ArrayBuffer> | undefined> | undefined;
  #streamBytes = 0;
  /** What others know the stream by. */
  readonly #hashed: HashedStream = {};
  #ending: Promise<Digests> | undefined;
  #digests: Digests | undefined;

  constructor(source: ChunkSource, algorithms: readonly DigestAlgorithm[] = ['sha256']) {
    this.#source = source;
    this.#digest = new StreamDigest(algorithms);
  }

  /** Bytes taken so far. */
  get streamBytes(): number {
    return this.#streamBytes;
  }

  /** The digests of the whole stream; to be read once there are no more chunks. */
  get digests(): Digests {
    if (this.#digests === undefined) throw new Error('the stream has not ended');
    return this.#digests;
  }

  next(): Promise<Buffer<ArrayBuffer> | undefined> {
    const chunk = this.#ahead ?? this.#pull();
    this.#ahead = this.#pull();
    // Whoever asks for it gets to know; perhaps nobody does.
    this.#ahead.catch(() => undefined);
    return chunk;
  }

  release(chunk: Buffer<ArrayBuffer>): void {
    this.#source.release(chunk);
  }

  async close(): Promise<void> {
    this.#digest.drop();
    await this.#source.close();
  }

  async #pull(): Promise<Buffer<ArrayBuffer> | undefined> {
    const chunk = await this.#source.next();
    if (chunk !== undefined) {
      const position = this.#streamBytes;
      this.#streamBytes += chunk.length;
      const hashed = await this.#digest.take(chunk);
      noteHashedChunk(hashed, { stream: this.#hashed, position });
      return hashed;
    }
    this.#ending ??= this.#digest.end();
    this.#digests = await this.#ending;
    Object.assign(this.#hashed, { streamBytes: this.#streamBytes, sha256: this.#digests.sha256 });
    return undefined;
  }
}
