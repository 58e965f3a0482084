import { createHash, type Hash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import { VmdkInspector, type VmdkInfo } from '../vmdk/index.js';
import { chunkBytes } from './chunk-bytes.js';

/** What is known of a stream once its last byte was understood. */
export interface MeasuredStream {
  readonly streamBytes: number;
  /** Of the stream, 64 lowercase hexadecimal digits. */
  readonly sha256: string;
  /** Of the stream, 40 lowercase hexadecimal digits; only where it was asked for. */
  readonly sha1: string | undefined;
  readonly info: VmdkInfo;
}

/** What a meter is told besides. */
export interface MeterOptions {
  /** Whether to take the SHA-1 as well, which older servers' manifests name. */
  readonly sha1?: boolean;
  /** How long the stream is by its manifest, which may count some of the zeros behind its end. */
  readonly streamBytes?: number | undefined;
}

/**
 * Passes a stream through and takes its length, SHA-256 and structure on the way, so that the bytes are touched once.
 * Zeros behind its end are none of it, and are left out. A stream that is not a whole stream-optimized VMDK makes the
 * pipeline fail with `InvalidVmdkError`.
 */
export class StreamMeter extends Transform {
  readonly #sha256 = createHash('sha256');
  readonly #sha1: Hash | undefined;
  readonly #inspector = new VmdkInspector();
  readonly #onBytes: () => void;
  readonly #least: number;
  #streamBytes = 0;
  #measured: MeasuredStream | undefined;

  /** @param onBytes called after each chunk */
  constructor(onBytes: () => void, { sha1 = false, streamBytes = 0 }: MeterOptions = {}) {
    super({ readableHighWaterMark: chunkBytes, writableHighWaterMark: chunkBytes });
    this.#onBytes = onBytes;
    this.#least = streamBytes;
    this.#sha1 = sha1 ? createHash('sha1') : undefined;
  }

  /** Bytes passed so far. */
  get streamBytes(): number {
    return this.#streamBytes;
  }

  /** The disk's capacity in bytes, once its header has passed. */
  get capacityBytes(): number | undefined {
    return this.#inspector.capacityBytes;
  }

  /** How much of the capacity the bytes passed so far cover. */
  get coveredBytes(): number {
    return this.#inspector.coveredBytes;
  }

  /** The result; to be read after the pipeline ended well. */
  get measured(): MeasuredStream {
    if (this.#measured === undefined) throw new Error('the stream has not ended');
    return this.#measured;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let own: Buffer;
    try {
      this.#inspector.write(chunk);
      own = this.#ownPart(chunk);
      this.#sha256.update(own);
      this.#sha1?.update(own);
      this.#onBytes();
    } catch (error) {
      done(error as Error);
      return;
    }
    if (own.length > 0) this.push(own);
    done();
  }

  override _flush(done: TransformCallback): void {
    try {
      const info = this.#inspector.end();
      this.#measured = {
        streamBytes: this.#streamBytes,
        sha256: this.#sha256.digest('hex'),
        sha1: this.#sha1?.digest('hex'),
        info,
      };
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  }

  /** What of a chunk that was inspected belongs to the stream. */
  #ownPart(chunk: Buffer): Buffer {
    const { streamBytes, paddingBytes } = this.#inspector;
    const until = Math.max(streamBytes, Math.min(streamBytes + paddingBytes, this.#least));
    const own = chunk.subarray(0, until - this.#streamBytes);
    this.#streamBytes = until;
    return own;
  }
}
