import type { VmdkInfo } from '../vmdk/index.js';
import type { ChunkSource, LookAtBytes } from './chunk-source.js';
import { DigestedChunks } from './digested-chunks.js';
import { OwnBytes } from './own-bytes.js';

/** What is known of a stream once its last byte was understood. */
export interface MeasuredStream {
  readonly streamBytes: number;
  /** Of the stream, 64 lowercase hexadecimal digits. */
  readonly sha256: string;
  /** Of the stream, 40 lowercase hexadecimal digits; only where it was asked for. */
  readonly sha1: string | undefined;
  readonly info: VmdkInfo;
}

/** How far a stream has come. */
export interface MeteredBytes {
  /** Bytes of the stream so far. */
  readonly streamBytes: number;
  /** How far into the disk they reach, in bytes, holes included. */
  readonly coveredBytes: number;
}

/** How a stream is measured. */
export interface MeterOptions {
  /** Called as bytes come, with how far they are. Where it throws, the stream ends with that error. */
  readonly onBytes: (come: MeteredBytes) => void;
  /** Whether to take the SHA-1 as well, which older servers' manifests name. Default `false`. */
  readonly sha1?: boolean | undefined;
  /** How long the stream is by its manifest, in bytes: it may count some of the zeros behind the stream's end. */
  readonly streamBytes?: number | undefined;
}

/**
 * Takes a stream's length, SHA-256 and structure on its way, untouched: the structure as the bytes come, the digests in
 * another thread, a chunk at a time. Zeros behind its end are none of it, and are left out. A stream that is not a whole
 * stream-optimized VMDK ends with `InvalidVmdkError`.
 */
export class StreamMeter implements ChunkSource {
  readonly #own: OwnBytes;
  readonly #chunks: DigestedChunks;
  #measured: MeasuredStream | undefined;

  private constructor(own: OwnBytes, chunks: DigestedChunks) {
    this.#own = own;
    this.#chunks = chunks;
  }

  /**
   * Begins to measure a stream.
   *
   * @param openSource opens it; the source is to have all bytes looked at as they come
   */
  static async open(
    openSource: (look: LookAtBytes) => Promise<ChunkSource>,
    { onBytes, sha1 = false, streamBytes }: MeterOptions,
  ): Promise<StreamMeter> {
    const own = new OwnBytes(streamBytes);
    const source = await openSource((bytes) => {
      const taken = own.take(bytes);
      onBytes({ streamBytes: own.streamBytes, coveredBytes: own.inspector.coveredBytes });
      return taken;
    });
    return new StreamMeter(own, new DigestedChunks(source, sha1 ? ['sha256', 'sha1'] : ['sha256']));
  }

  /** The result; to be read once there are no more chunks. */
  get measured(): MeasuredStream {
    if (this.#measured === undefined) throw new Error('the stream has not ended');
    return this.#measured;
  }

  async next(): Promise<Buffer<ArrayBuffer> | undefined> {
    const chunk = await this.#chunks.next();
    if (chunk === undefined) this.#measured ??= this.#measure();
    return chunk;
  }

  release(chunk: Buffer<ArrayBuffer>): void {
    this.#chunks.release(chunk);
  }

  close(): Promise<void> {
    return this.#chunks.close();
  }

  #measure(): MeasuredStream {
    const info = this.#own.inspector.end();
    const { sha256 = '', sha1 } = this.#chunks.digests;
    return { streamBytes: this.#own.streamBytes, sha256, sha1, info };
  }
}
