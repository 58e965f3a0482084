import { StreamParser } from './stream-parser.js';
import type { VmdkInfo } from './vmdk-info.js';

/**
 * Checks the structure of a stream-optimized VMDK while it passes on its way elsewhere: header, descriptor, grain
 * markers, tables, footer, end-of-stream marker, and that nothing follows.
 *
 * It looks at chunks of any size and keeps none of them; it does not inflate. What it holds is some bytes for
 * every 512 grains. Nothing is allocated because the stream says so.
 *
 * ```ts
 * const inspector = new VmdkInspector();
 * for await (const chunk of stream) inspector.write(chunk);
 * const info = inspector.end();
 * ```
 */
export class VmdkInspector {
  readonly #parser = new StreamParser();
  #failure: { readonly error: unknown } | undefined;

  /** Bytes of the stream so far. What follows its end is not counted: zeros, or it is refused. */
  get streamBytes(): number {
    return this.#parser.streamBytes;
  }

  /** Zeros that followed the stream's end so far, in bytes. */
  get paddingBytes(): number {
    return this.#parser.paddingBytes;
  }

  /** The disk's size in bytes; undefined until header and descriptor have passed. */
  get capacityBytes(): number | undefined {
    return this.#parser.capacityBytes;
  }

  /** How far into the disk the stream has come, in bytes, holes included. */
  get coveredBytes(): number {
    return this.#parser.coveredBytes;
  }

  /**
   * Looks at the stream's next bytes. They are the caller's again when it returns.
   *
   * @throws InvalidVmdkError as soon as the stream cannot be good any more; then also from every later call
   */
  write(chunk: Uint8Array): void {
    this.#guard(() => this.#parser.parse(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength), 0));
  }

  /**
   * Says that the stream has ended.
   *
   * @throws InvalidVmdkError if it is not whole
   */
  end(): VmdkInfo {
    return this.#guard(() => this.#parser.end());
  }

  #guard<T>(action: () => T): T {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      return action();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
}
