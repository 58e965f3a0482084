import type { ChunkSource } from './chunk-source.js';

/** A stream whose bytes are counted, with something after its end. */
export class CountedChunks implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #onBytes: (bytesDone: number) => void;
  #trailer: Buffer<ArrayBuffer> | undefined;
  #bytes = 0;

  constructor(source: ChunkSource, onBytes: (bytesDone: number) => void, trailer?: Buffer<ArrayBuffer>) {
    this.#source = source;
    this.#onBytes = onBytes;
    this.#trailer = trailer;
  }

  async next(): Promise<Buffer<ArrayBuffer> | undefined> {
    const chunk = await this.#source.next();
    if (chunk === undefined) {
      const trailer = this.#trailer;
      this.#trailer = undefined;
      return trailer;
    }
    this.#bytes += chunk.length;
    this.#onBytes(this.#bytes);
    return chunk;
  }

  release(chunk: Buffer<ArrayBuffer>): void {
    this.#source.release(chunk);
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}
