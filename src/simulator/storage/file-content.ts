import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** The bytes of a file that somebody uploaded. */
export class FileContent {
  readonly sizeBytes: number;
  readonly #file: string;

  private constructor(file: string, sizeBytes: number) {
    this.#file = file;
    this.sizeBytes = sizeBytes;
  }

  /** @param file - where the bytes are kept: a path of this content's own */
  static async receive(file: string, source: Readable, signal: AbortSignal): Promise<FileContent> {
    const sink = createWriteStream(file, { mode: 0o600 });
    try {
      await pipeline(source, sink, { signal });
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
    return new FileContent(file, sink.bytesWritten);
  }

  read(): AsyncIterable<Buffer> {
    return createReadStream(this.#file);
  }

  /** Frees the bytes. */
  async dispose(): Promise<void> {
    await rm(this.#file, { force: true });
  }
}
