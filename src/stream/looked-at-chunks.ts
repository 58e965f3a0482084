import type { ChunkSource, LookAtBytes } from './chunk-source.js';

/** A stream whose bytes are looked at as they come. */
export class LookedAtChunks implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #look: LookAtBytes;

  constructor(source: ChunkSource, look: LookAtBytes) {
    this.#source = source;
    this.#look = look;
  }

  async next(): Promise<Buffer<ArrayBuffer> | undefined> {
    for (;;) {
      const chunk = await this.#source.next();
      if (chunk === undefined) return undefined;
      const wanted = this.#look(chunk);
      if (wanted > 0) return chunk.subarray(0, wanted);
      this.#source.release(chunk);
    }
  }

  release(chunk: Buffer<ArrayBuffer>): void {
    this.#source.release(chunk);
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}
