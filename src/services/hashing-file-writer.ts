import type { FileHandle } from 'node:fs/promises';
import { FileChunks } from '../stream/file-chunks.js';
import { writeAll } from '../stream/write-all.js';
import { HashingWriter, type WrittenStream } from './hashing-writer.js';

/** Writes a file from its beginning and knows length and SHA-256 of what it wrote. It does not sync. */
export class HashingFileWriter extends HashingWriter {
  /**
   * @param handle open for reading and writing
   * @param hashed the stream that all bytes will be of, where that was hashed
   */
  constructor(handle: FileHandle, hashed?: WrittenStream) {
    const put = (bytes: Uint8Array, position: number) => writeAll(handle, bytes, position);
    super({ put, reread: (bytes) => reread(handle, bytes) }, hashed);
  }
}

/** The file stays open: it is not the writer's to close. */
async function* reread(handle: FileHandle, bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = new FileChunks(handle, bytes);
  for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) yield chunk;
}
