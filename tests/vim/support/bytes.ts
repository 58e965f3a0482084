import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

/** `length` bytes of a pattern that has no period a cut could hide in. */
export function patternBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((at * 2654435761) >>> 0, at);
  return bytes;
}

/** A stream of the bytes in chunks. */
export function streamOf(bytes: Buffer, chunkBytes = 64 * 1024): Readable {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(bytes.subarray(at, at + chunkBytes));
  return Readable.from(chunks, { objectMode: false, highWaterMark: chunkBytes });
}

export const allOf = (stream: Readable): Promise<Buffer> => buffer(stream);
