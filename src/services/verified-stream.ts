import { createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { AbortError } from '../errors/index.js';
import { quietly } from '../quietly.js';
import { markTypedBytes } from '../stream/byte-stream.js';
import { chunkBytes } from '../stream/chunk-bytes.js';
import type { ServiceRestoreOptions } from './backup-service.js';
import { checkStream } from './check-stream.js';
import { isChecked, type StoredStream } from './record-shape.js';
import { asServiceError } from './service-error.js';

/**
 * A stored stream, checked while it is read.
 *
 * The last chunk is only delivered once the whole was found to be right: also a reader that counts bytes, and does not wait
 * for the stream's end, never has all of a wrong one.
 *
 * A caller who has the backup's manifest holds the bytes against it: then only their number is checked here.
 */
export class VerifiedStream extends Readable {
  readonly #chunks: AsyncGenerator<Uint8Array, void, undefined>;
  readonly #stored: StoredStream;
  readonly #signal: AbortSignal | undefined;
  readonly #onProgress: ServiceRestoreOptions['onProgress'];
  readonly #hash: Hash | undefined;
  readonly #closed = new AbortController();
  readonly #onAbort: () => void;
  #held: Uint8Array | undefined;
  #received = 0;

  /** @param open gives the chunks; its signal is aborted when the stream closes, whyever */
  constructor(
    open: (signal: AbortSignal) => AsyncGenerator<Uint8Array, void, undefined>,
    stored: StoredStream,
    { manifest, signal, onProgress }: ServiceRestoreOptions,
  ) {
    super({ highWaterMark: chunkBytes });
    markTypedBytes(this);
    this.#stored = stored;
    this.#signal = signal;
    this.#onProgress = quietly(onProgress);
    this.#hash = isChecked(stored, manifest) ? undefined : createHash('sha256');
    this.#chunks = open(this.#closed.signal);
    this.#onAbort = () => {
      if (signal !== undefined) this.destroy(new AbortError(signal));
    };
    if (signal?.aborted === true) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  override _read(): void {
    this.#next().catch((error: unknown) => {
      this.destroy(error as Error);
    });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#closed.abort();
    // It is in the middle of a read as likely as not, which has just been aborted.
    this.#chunks.return().catch(() => undefined);
    // Also where somebody else destroys it: its errors are typed, as it was said to be.
    callback(error === null ? null : asServiceError(error, `backup ${this.#stored.backupId} cannot be read`));
  }

  async #next(): Promise<void> {
    for (;;) {
      const { value: chunk, done } = await this.#chunks.next();
      if (this.destroyed) return;
      const ready = this.#held;
      if (done === true) {
        checkStream(this.#stored, { streamBytes: this.#received, sha256: this.#hash?.digest('hex') });
        if (ready !== undefined) this.push(ready);
        this.push(null);
        return;
      }
      this.#hash?.update(chunk);
      this.#received += chunk.length;
      this.#held = chunk;
      this.#onProgress?.({ bytesDone: this.#received, bytesTotal: this.#stored.streamBytes });
      if (ready === undefined) continue;
      this.push(ready);
      return;
    }
  }
}
