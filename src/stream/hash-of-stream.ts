import { createHash } from 'node:crypto';

const zeros = Buffer.alloc(65_536);

/**
 * Takes the SHA-256 of a stream behind which zeros may follow that are none of it. Where the stream ends is told only
 * at the end; so zeros wait until it is known whether anything follows them.
 */
export class HashOfStream {
  readonly #hash = createHash('sha256');
  #hashed = 0;
  /** Zeros that came after what was hashed. */
  #waiting = 0;

  update(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const end = endOf(bytes);
    if (end > 0) {
      this.#takeZeros(this.#waiting);
      this.#waiting = 0;
      this.#hash.update(bytes.subarray(0, end));
      this.#hashed += end;
    }
    this.#waiting += bytes.length - end;
  }

  /**
   * @param streamBytes the stream's length; what came after it must have been zeros
   * @returns 64 lowercase hexadecimal digits
   */
  digest(streamBytes: number): string {
    this.#takeZeros(Math.min(streamBytes - this.#hashed, this.#waiting));
    return this.#hash.digest('hex');
  }

  #takeZeros(count: number): void {
    for (let left = count; left > 0; left -= zeros.length) this.#hash.update(zeros.subarray(0, left));
    this.#hashed += count;
  }
}

/** Where the zeros begin that a chunk ends in. */
function endOf(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0) {
    const from = Math.max(0, end - zeros.length);
    if (zeros.compare(bytes, from, end, 0, end - from) !== 0) break;
    end = from;
  }
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return end;
}
