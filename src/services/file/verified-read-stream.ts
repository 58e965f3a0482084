import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { AbortError } from '../../errors/index.js';
import { chunkBytes } from '../../stream/chunk-bytes.js';
import type { ServiceOptions } from '../backup-service.js';
import { checkStream } from '../check-stream.js';
import { asServiceError } from '../service-error.js';
import type { BackupRecord } from './backup-record.js';

/**
 * A stored stream, checked while it is read.
 *
 * The last chunk is only delivered once the whole was found to be right: also a reader that counts bytes, and does not wait
 * for the stream's end, never has all of a wrong one.
 */
export class VerifiedReadStream extends Readable {
  readonly #handle: FileHandle;
  readonly #record: BackupRecord;
  readonly #options: ServiceOptions;
  readonly #hash = createHash('sha256');
  readonly #onAbort: () => void;
  #position = 0;
  #verified = false;
  #reading: Promise<void> = Promise.resolve();

  /** Takes over the handle and closes it. */
  constructor(handle: FileHandle, record: BackupRecord, options: ServiceOptions) {
    super({ highWaterMark: chunkBytes });
    this.#handle = handle;
    this.#record = record;
    this.#options = options;
    const { signal } = options;
    this.#onAbort = () => {
      if (signal !== undefined) this.destroy(new AbortError(signal));
    };
    if (signal?.aborted === true) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  override _read(): void {
    this.#reading = this.#next().catch((error: unknown) => {
      this.destroy(asServiceError(error, `backup ${this.#record.backupId} cannot be read`));
    });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    // A read must not outlive its descriptor, whose number the next file gets.
    void this.#reading
      .then(() => this.#handle.close())
      .then(
        () => {
          callback(error);
        },
        (closeError: unknown) => {
          callback(error ?? asServiceError(closeError, 'a backup cannot be closed'));
        },
      );
  }

  async #next(): Promise<void> {
    const { streamBytes } = this.#record;
    let chunk: Buffer | null = null;
    if (this.#position < streamBytes) {
      // Not used again: the reader may keep it.
      const buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes, streamBytes - this.#position));
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.#position);
      if (bytesRead === 0) checkStream(this.#record, { streamBytes: this.#position });
      chunk = buffer.subarray(0, bytesRead);
      this.#hash.update(chunk);
      this.#position += bytesRead;
    }
    if (this.#position === streamBytes && !this.#verified) {
      checkStream(this.#record, { streamBytes, sha256: this.#hash.digest('hex') });
      this.#verified = true;
    }
    if (chunk !== null) this.#options.onProgress?.({ bytesDone: this.#position, bytesTotal: streamBytes });
    this.push(chunk);
  }
}
