/** How memory is pooled. */
export interface MemoryPoolOptions {
  /** Bytes of each piece of memory. */
  readonly bytes: number;
  /** How many that nobody uses are kept. */
  readonly spares: number;
}

/**
 * Memory of one size that is used again once nobody holds a part of it any more: new memory for each batch of grains would be a third
 * of a backup's work.
 */
export class MemoryPool {
  readonly #options: MemoryPoolOptions;
  readonly #spares: ArrayBuffer[] = [];
  /** Weak: what is never released is the garbage collector's. */
  readonly #holders = new WeakMap<ArrayBufferLike, number>();

  constructor(options: MemoryPoolOptions) {
    this.#options = options;
  }

  /** Memory of the pool's size, or of so many bytes where that is more. What it holds is of no meaning. */
  take(bytes: number): Buffer<ArrayBuffer> {
    const spare = bytes <= this.#options.bytes ? this.#spares.pop() : undefined;
    return spare === undefined ? Buffer.allocUnsafeSlow(Math.max(this.#options.bytes, bytes)) : Buffer.from(spare);
  }

  /** Says that a memory's bytes are there: whoever says so holds it. Until then it may move to another thread and back. */
  keep({ buffer }: Buffer<ArrayBuffer>): void {
    this.#holders.set(buffer, 1);
  }

  /** Keeps the memory that a piece lies in from being used again. Other memory is nothing to it. */
  hold({ buffer }: Uint8Array): void {
    const holders = this.#holders.get(buffer);
    if (holders !== undefined) this.#holders.set(buffer, holders + 1);
  }

  /** Says that a piece is needed no more. */
  release({ buffer }: Uint8Array): void {
    const holders = this.#holders.get(buffer);
    if (holders === undefined) return;
    if (holders > 1) {
      this.#holders.set(buffer, holders - 1);
      return;
    }
    this.#holders.delete(buffer);
    const { bytes, spares } = this.#options;
    if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes && this.#spares.length < spares) {
      this.#spares.push(buffer);
    }
  }
}
