import { createHash, type Hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { AbortError, StoreError, type VmdkDriverError } from '../../errors/index.js';
import { connectionError } from './connection-error.js';
import { withRetries } from './retry.js';
import { StallTimer } from './stall-timer.js';

/** What a stream is to give. */
export interface ObjectStreamOptions {
  /** What is read, for errors. */
  readonly key: string;
  /** `host:port`, for errors. */
  readonly peer: string;
  /** How many bytes there are altogether. */
  readonly length: number;
  /** Their MD5, 32 hexadecimal digits, where it is known. */
  readonly md5?: string | undefined;
  /**
   * Asks for the rest of the same object, from a byte of this stream on. It must reject where the object is another one meanwhile. The
   * signal is aborted when the stream is destroyed.
   */
  readonly resume: (from: number, signal: AbortSignal) => Promise<IncomingMessage>;
  readonly stallTimeoutMs: number;
  readonly retryDelaysMs: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * An object's bytes. Where the connection breaks or stalls, it goes on with another; where it cannot, and where length or MD5 are not
 * right, it ends with an error.
 */
export class ObjectStream extends Readable {
  readonly #options: ObjectStreamOptions;
  readonly #timer: StallTimer;
  readonly #hash: Hash | undefined;
  readonly #onAbort: () => void;
  /** Aborted when the stream is destroyed, as it is by its signal: nobody takes what would come. */
  readonly #dropped = new AbortController();
  #answer: IncomingMessage | undefined;
  #received = 0;
  /** What had been received when the connection last broke. */
  #brokeAt = -1;
  #failures = 0;
  #isWanted = false;
  /** Why there is no connection, where nobody has asked for more since it broke. */
  #broken: VmdkDriverError | undefined;

  constructor(answer: IncomingMessage, options: ObjectStreamOptions) {
    super({ highWaterMark: 1024 * 1024 });
    this.#options = options;
    this.#timer = new StallTimer(options.stallTimeoutMs, (error) => this.#answer?.destroy(error));
    this.#hash = options.md5 === undefined ? undefined : createHash('md5');
    const { signal } = options;
    this.#onAbort = () => {
      if (signal !== undefined) this.destroy(new AbortError(signal));
    };
    this.#take(answer);
    if (signal?.aborted === true) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  override _read(): void {
    this.#isWanted = true;
    if (this.#broken !== undefined) {
      this.#goOn(this.#broken);
    } else if (this.#answer !== undefined) {
      this.#timer.start();
      this.#answer.resume();
    }
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#timer.stop();
    this.#answer?.destroy();
    this.#dropped.abort();
    callback(error);
  }

  #take(answer: IncomingMessage): void {
    this.#answer = answer;
    answer.on('data', (chunk: Buffer) => {
      this.#onData(answer, chunk);
    });
    answer.once('error', (error) => {
      this.#onBroken(answer, error);
    });
    answer.once('close', () => {
      if (this.#received === this.#options.length) this.#finish();
      else this.#onBroken(answer, undefined);
    });
    // Listening to its data has set it going.
    answer.pause();
    if (this.#isWanted) this._read();
  }

  #onData(answer: IncomingMessage, chunk: Buffer): void {
    if (this.#answer !== answer || this.destroyed) return;
    this.#received += chunk.length;
    if (this.#received > this.#options.length) {
      this.destroy(new StoreError('protocol', `${this.#options.key}: more bytes came than were announced`));
      return;
    }
    this.#hash?.update(chunk);
    this.#timer.start();
    if (this.push(chunk)) return;
    this.#isWanted = false;
    this.#timer.stop();
    answer.pause();
  }

  #finish(): void {
    if (this.destroyed || this.readableEnded) return;
    this.#timer.stop();
    const { key, md5 } = this.#options;
    if (this.#hash !== undefined && this.#hash.digest('hex') !== md5) {
      this.destroy(new StoreError('integrity', `${key}: the bytes that came do not have the MD5 the store tells of`));
      return;
    }
    this.#answer = undefined;
    this.push(null);
  }

  #onBroken(answer: IncomingMessage, cause: unknown): void {
    if (this.#answer !== answer || this.destroyed) return;
    this.#answer = undefined;
    this.#timer.stop();
    answer.destroy();
    const { peer } = this.#options;
    this.#broken = connectionError(cause ?? new StoreError('connection', `${peer}: the connection broke`), peer);
    // A server gives up one who takes nothing for long. That is no failure, and goes on when more is wanted.
    if (this.#isWanted) this.#goOn(this.#broken);
  }

  #goOn(broken: VmdkDriverError): void {
    this.#broken = undefined;
    const { key, retryDelaysMs } = this.#options;
    const { signal } = this.#dropped;
    if (this.#received > this.#brokeAt) this.#failures = 0;
    this.#brokeAt = this.#received;
    const delaysMs = retryDelaysMs.slice(this.#failures++);
    let isFirst = true;
    withRetries({ delaysMs, signal }, async () => {
      if (!isFirst) return this.#options.resume(this.#received, signal);
      isFirst = false;
      throw broken;
    }).then(
      (resumed) => {
        if (this.destroyed) resumed.destroy();
        else this.#take(resumed);
      },
      (error: unknown) => {
        this.destroy(
          error instanceof StoreError
            ? new StoreError(error.reason, `${key} broke off after ${this.#received} bytes: ${error.message}`, {
                cause: error,
                retryable: error.retryable,
              })
            : (error as Error),
        );
      },
    );
  }
}
