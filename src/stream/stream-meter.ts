import { VmdkInspector, type VmdkInfo } from '../vmdk/index.js';
import type { ChunkSource, LookAtBytes } from './chunk-source.js';
import { DigestedChunks } from './digested-chunks.js';

/** What is known of a stream once its last byte was understood. */
export interface MeasuredStream {
  readonly streamBytes: number;
  /** Of the stream, 64 lowercase hexadecimal digits. */
  readonly sha256: string;
  /** Of the stream, 40 lowercase hexadecimal digits; only where it was asked for. */
  readonly sha1: string | undefined;
  readonly info: VmdkInfo;
}

/** How a stream is measured. */
export interface MeterOptions {
  /** Called as bytes come, with how far they are. */
  readonly onBytes: (come: Pick<VmdkInspector, 'streamBytes' | 'coveredBytes'>) => void;
  /** Whether to take the SHA-1 as well, which older servers' manifests name. Default `false`. */
  readonly sha1?: boolean | undefined;
}

/**
 * Takes a stream's length, SHA-256 and structure on its way, untouched: the structure as the bytes come, the digests in
 * another thread, a chunk at a time. Zeros behind its end are none of it. A stream that is not a whole stream-optimized VMDK
 * ends with `InvalidVmdkError`.
 */
export class StreamMeter implements ChunkSource {
  readonly #inspector: VmdkInspector;
  readonly #chunks: DigestedChunks;
  #measured: MeasuredStream | undefined;

  private constructor(inspector: VmdkInspector, chunks: DigestedChunks) {
    this.#inspector = inspector;
    this.#chunks = chunks;
  }

  /**
   * Begins to measure a stream.
   *
   * @param openSource opens it; the source is to have all bytes looked at as they come
   */
  static async open(
    openSource: (look: LookAtBytes) => Promise<ChunkSource>,
    { onBytes, sha1 = false }: MeterOptions,
  ): Promise<StreamMeter> {
    const inspector = new VmdkInspector();
    const source = await openSource((bytes) => {
      const before = inspector.streamBytes;
      inspector.write(bytes);
      onBytes(inspector);
      return inspector.streamBytes - before;
    });
    return new StreamMeter(inspector, new DigestedChunks(source, sha1 ? ['sha256', 'sha1'] : ['sha256']));
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
    const info = this.#inspector.end();
    const { sha256 = '', sha1 } = this.#chunks.digests;
    return { streamBytes: info.streamBytes, sha256, sha1, info };
  }
}
