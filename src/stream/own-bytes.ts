import { VmdkInspector } from '../vmdk/index.js';

/**
 * Inspects a stream on its way and says what of it is its own: zeros behind its end are not, apart from those that its
 * manifest counts.
 */
export class OwnBytes {
  readonly inspector = new VmdkInspector();
  readonly #least: number;
  #streamBytes = 0;

  /** @param least how long the stream is by its manifest, in bytes */
  constructor(least = 0) {
    this.#least = least;
  }

  /** Bytes so far that are the stream's own. */
  get streamBytes(): number {
    return this.#streamBytes;
  }

  /**
   * Looks at the next bytes.
   *
   * @returns how many of them are the stream's own
   * @throws InvalidVmdkError
   */
  take(bytes: Uint8Array): number {
    this.inspector.write(bytes);
    const { streamBytes, paddingBytes } = this.inspector;
    const until = Math.max(streamBytes, Math.min(streamBytes + paddingBytes, this.#least));
    const own = until - this.#streamBytes;
    this.#streamBytes = until;
    return own;
  }
}
