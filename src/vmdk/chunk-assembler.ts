/** Makes chunks of one size from pieces of any. It copies, so the pieces' memory can be used again at once. */
export class ChunkAssembler {
  #chunk: Buffer;
  #filled = 0;

  constructor(readonly chunkBytes: number) {
    this.#chunk = Buffer.allocUnsafeSlow(chunkBytes);
  }

  /** Takes a piece; returns the chunks it filled. */
  push(piece: Buffer): Buffer[] {
    const full: Buffer[] = [];
    for (let from = 0; from < piece.length;) {
      const copied = piece.copy(this.#chunk, this.#filled, from);
      from += copied;
      this.#filled += copied;
      if (this.#filled === this.chunkBytes) {
        full.push(this.#chunk);
        this.#chunk = Buffer.allocUnsafeSlow(this.chunkBytes);
        this.#filled = 0;
      }
    }
    return full;
  }

  /** The last, incomplete chunk; nothing may be pushed after it. */
  rest(): Buffer[] {
    return this.#filled === 0 ? [] : [this.#chunk.subarray(0, this.#filled)];
  }
}
