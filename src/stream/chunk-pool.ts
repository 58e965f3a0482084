import { chunkBytes } from './chunk-bytes.js';

/** Chunks kept for their memory: as many as are on their way at a time. */
const mostSpares = 3;

/** Memory for a stream's chunks, used again where it comes back: new memory for each would be half the work of garbage. */
export class ChunkPool {
  readonly #spares: ArrayBuffer[] = [];

  /** Memory for one chunk. What it holds is of no meaning. */
  take(): Buffer<ArrayBuffer> {
    const spare = this.#spares.pop();
    return spare === undefined ? Buffer.allocUnsafeSlow(chunkBytes) : Buffer.from(spare);
  }

  /** Takes the memory of a chunk back that nobody uses any more, whole or in part filled. */
  give({ buffer }: Buffer<ArrayBuffer>): void {
    if (buffer.byteLength === chunkBytes && this.#spares.length < mostSpares) this.#spares.push(buffer);
  }
}
