import { ThreadError } from '../errors/index.js';
import type { DigestThread } from './digest-thread.js';
import { type DigestThreads, digestThreads } from './digest-threads.js';
import type { DigestAlgorithm } from './digest-worker.js';

let streams = 0;

/** What a stream's bytes came to, in lowercase hexadecimal digits. */
export type Digests = Readonly<Partial<Record<DigestAlgorithm, string>>>;

/**
 * The digests of one stream, taken in another thread. To be ended or dropped, whatever happens.
 *
 * Its thread is started with the first bytes: what never gets any costs nothing.
 */
export class StreamDigest {
  readonly #algorithms: readonly DigestAlgorithm[];
  readonly #threads: DigestThreads;
  readonly #stream = streams++;
  #thread: DigestThread | undefined;
  #ended = false;

  /** @param threads default: those of the process */
  constructor(algorithms: readonly DigestAlgorithm[], threads = digestThreads) {
    this.#algorithms = algorithms;
    this.#threads = threads;
  }

  /**
   * Takes the stream's next bytes. Their memory must be theirs alone (`Buffer.allocUnsafeSlow`): it goes to the other
   * thread, and comes back with the buffer this resolves to. Calls may overlap.
   *
   * @throws ThreadError
   */
  async take(chunk: Buffer<ArrayBuffer>): Promise<Buffer<ArrayBuffer>> {
    const { buffer, byteOffset, length } = chunk;
    const reply = await this.#begun().ask(
      { kind: 'take', stream: this.#stream, memory: buffer, offset: byteOffset, bytes: length },
      [buffer],
    );
    if (!('memory' in reply) || !('stream' in reply)) throw outOfStep();
    return Buffer.from(reply.memory, byteOffset, length);
  }

  /** @throws ThreadError */
  async end(): Promise<Digests> {
    try {
      const reply = await this.#begun().ask({ kind: 'end', stream: this.#stream });
      if (!('digests' in reply)) throw outOfStep();
      return reply.digests;
    } finally {
      this.drop();
    }
  }

  /** Gives the stream up, unless it has ended. */
  drop(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#thread === undefined) return;
    this.#thread.tell({ kind: 'drop', stream: this.#stream });
    this.#threads.give(this.#thread);
  }

  #begun(): DigestThread {
    if (this.#ended) throw new Error('the stream has ended');
    if (this.#thread !== undefined) return this.#thread;
    this.#thread = this.#threads.take();
    this.#thread.tell({ kind: 'open', stream: this.#stream, algorithms: this.#algorithms });
    return this.#thread;
  }
}

function outOfStep(): ThreadError {
  return new ThreadError('the thread that hashes streams answered something else than it was asked');
}
