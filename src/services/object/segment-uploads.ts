import { throwIfAborted } from '../../errors/index.js';
import type { ObjectStore } from '../../stores/object-store.js';

/** Length of a segment, in bytes. Larger ones cost more memory, smaller ones more of the server's time. */
export const defaultSegmentBytes = 16 * 1024 * 1024;

/** Segments on their way at once. Another one is collected meanwhile. */
const atOnce = 2;

/** Cuts a stream into segments and puts them, several at once, from buffers that are used again. */
export class SegmentUploads {
  readonly #store: ObjectStore;
  readonly #segmentBytes: number;
  readonly #nameOf: (number: number) => string;
  readonly #stop = new AbortController();
  readonly #spare: Buffer[] = [];
  readonly #running = new Set<Promise<void>>();
  #buffer: Buffer | undefined;
  #filled = 0;
  #failure: { readonly error: unknown } | undefined;
  #lastPut = now();
  #unanswered = 0;
  /** Segments that were begun. */
  count = 0;

  /**
   * @param nameOf the key of each segment, by its number, counted from 0
   * @param signal ends what is on its way as soon as it is aborted
   */
  constructor(
    store: ObjectStore,
    segmentBytes: number,
    nameOf: (number: number) => string,
    signal: AbortSignal | undefined,
  ) {
    this.#store = store;
    this.#segmentBytes = segmentBytes;
    this.#nameOf = nameOf;
    const onAbort = () => {
      this.#stop.abort();
    };
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true, signal: this.#stop.signal });
  }

  /** How long ago the last segment got there, in milliseconds, by whichever clock says more: a machine may have slept. */
  get idleMs(): number {
    const { wall, steady } = now();
    return Math.max(wall - this.#lastPut.wall, steady - this.#lastPut.steady);
  }

  /** Takes a chunk, which may be used again once this resolves. */
  async write(chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.length;) {
      this.#buffer ??= this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#segmentBytes);
      const taken = Math.min(chunk.length - offset, this.#segmentBytes - this.#filled);
      this.#buffer.set(chunk.subarray(offset, offset + taken), this.#filled);
      this.#filled += taken;
      offset += taken;
      if (this.#filled === this.#segmentBytes) await this.#flush();
    }
    this.#throwIfFailed();
  }

  /** Puts what is still held back, and waits for all of it to be there. */
  async finish(): Promise<void> {
    if (this.#filled > 0) await this.#flush();
    await Promise.all(this.#running);
    this.#throwIfFailed();
  }

  /** Ends what is on its way: the next write rejects. */
  interrupt(): void {
    this.#stop.abort();
  }

  /** Ends what is on its way, and waits until nothing is. */
  async stop(): Promise<void> {
    this.interrupt();
    await Promise.all(this.#running);
  }

  /** Whether a put did not end well, so that it is open whether its segment will be there. */
  get isOpen(): boolean {
    return this.#unanswered > 0;
  }

  async #flush(): Promise<void> {
    while (this.#running.size >= atOnce) await Promise.race(this.#running);
    this.#throwIfFailed();
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    const bytes = buffer.subarray(0, this.#filled);
    this.#buffer = undefined;
    this.#filled = 0;
    const running: Promise<void> = this.#put(this.count++, bytes).then(() => {
      this.#spare.push(buffer);
      this.#running.delete(running);
    });
    this.#running.add(running);
  }

  /** Never rejects: the next write does. */
  async #put(number: number, bytes: Uint8Array): Promise<void> {
    const { signal } = this.#stop;
    try {
      throwIfAborted(signal);
      this.#unanswered++;
      await this.#store.put(this.#nameOf(number), bytes, { signal });
      this.#unanswered--;
      this.#lastPut = now();
    } catch (error) {
      this.#failure ??= { error };
      this.#stop.abort();
    }
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

function now() {
  return { wall: Date.now(), steady: performance.now() };
}
