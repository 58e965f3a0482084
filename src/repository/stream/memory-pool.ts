/** Bytes of a batch of grains. */
const batchBytes = 1024 * 1024;
/** Batches whose memory is kept: as much as is on its way in a few packs. */
const mostSpares = 64;

/**
 * The memory that grains are collected in. It is used again once nobody holds a part of it any more: new memory for each batch would
 * be a third of a backup's work.
 */
export class BatchMemory {
  readonly #spares: ArrayBufferLike[] = [];
  readonly #holders = new Map<ArrayBufferLike, number>();

  /** Memory for a batch, or for one grain where that is larger, held once. What it holds is of no meaning. */
  take(bytes: number): Buffer {
    const spare = bytes <= batchBytes ? this.#spares.pop() : undefined;
    const memory = spare === undefined ? Buffer.allocUnsafeSlow(Math.max(batchBytes, bytes)) : Buffer.from(spare);
    this.#holders.set(memory.buffer, 1);
    return memory;
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
    if (buffer.byteLength === batchBytes && this.#spares.length < mostSpares) this.#spares.push(buffer);
  }
}
