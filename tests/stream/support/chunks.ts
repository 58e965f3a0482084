import { createHash } from 'node:crypto';
import type { ChunkSource } from '../../../src/stream/chunk-source.js';
import { type HashedStream, noteHashedChunk } from '../../../src/stream/hashed-bytes.js';

export const mebibyte = 1024 * 1024;

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
export const sha1 = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');

/** Bytes in a chunk that has its memory for itself. */
export function chunkOf(bytes: Uint8Array): Buffer<ArrayBuffer> {
  const chunk = Buffer.allocUnsafeSlow(bytes.length);
  chunk.set(bytes);
  return chunk;
}

/** Chunks that count as hashed: as those of this stream, from its beginning on. */
export function hashedChunks(contents: readonly Uint8Array[], stream: HashedStream): Buffer<ArrayBuffer>[] {
  let position = 0;
  return contents.map((content) => {
    const chunk = chunkOf(content);
    noteHashedChunk(chunk, { stream, position });
    position += chunk.length;
    return chunk;
  });
}

/** All of a source's bytes, and the length of each chunk. */
export async function readAll(source: ChunkSource): Promise<{ bytes: Buffer; lengths: number[] }> {
  const chunks: Buffer[] = [];
  for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next()) {
    chunks.push(Buffer.from(chunk));
    source.release(chunk);
  }
  return { bytes: Buffer.concat(chunks), lengths: chunks.map(({ length }) => length) };
}

/** A source of these chunks. Each comes a turn of the event loop after it was asked for. */
export class GivenChunks implements ChunkSource {
  readonly #chunks: Buffer<ArrayBuffer>[];
  readonly released: Buffer<ArrayBuffer>[] = [];
  closed = 0;
  asked = 0;

  constructor(chunks: readonly Uint8Array[]) {
    this.#chunks = chunks.map(chunkOf);
  }

  async next(): Promise<Buffer<ArrayBuffer> | undefined> {
    this.asked++;
    await new Promise(setImmediate);
    return this.#chunks.shift();
  }

  release(chunk: Buffer<ArrayBuffer>): void {
    this.released.push(chunk);
  }

  async close(): Promise<void> {
    this.closed++;
  }
}
