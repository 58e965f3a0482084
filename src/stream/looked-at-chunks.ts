import type { ChunkSource, LookAtBytes } from './chunk-source.js';

/** A stream whose bytes are looked at as they come. */
export class LookedAtChunks implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #look: LookAtBytes;
  #last: Promise<unknown> = Promise.resolve();

  constructor(source: ChunkSource, look: LookAtBytes) {
    this.#source = source;
    this.#look = look;
  }

  next(): Promise<Buffer<ArrayBuffer> | undefined> {
    // In turn: a call whose chunk is left out takes the one after it, which must not be the next call's.
    const chunk = this.#last.then(() => this.#pull());
    this.#last = chunk.catch(() => undefined);
    return chunk;
  }

  release(chunk: Buffer<ArrayBuffer>): void {
    this.#source.release(chunk);
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  async #pull(): Promise<Buffer<ArrayBuffer> | undefined> {
    for (;;) {
      const chunk = await this.#source.next();
      if (chunk === undefined) return undefined;
      const wanted = this.#look(chunk);
      if (wanted > 0) return chunk.subarray(0, wanted);
      this.#source.release(chunk);
    }
  }
}
