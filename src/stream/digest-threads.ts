import { availableParallelism } from 'node:os';
import { DigestThread } from './digest-thread.js';

/** How a set of threads is kept. */
export interface DigestThreadsOptions {
  /** Threads at most. */
  readonly most: number;
  /** How long a thread without a stream is kept for the next one, in milliseconds. */
  readonly idleMs: number;
}

/** Threads that hash streams: started when they are needed, shared by small streams, ended when there are none. */
export class DigestThreads {
  readonly #options: DigestThreadsOptions;
  /** Each with the timer that ends it, where it has nothing to do. */
  readonly #threads = new Map<DigestThread, NodeJS.Timeout | undefined>();

  constructor(options: DigestThreadsOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get size(): number {
    return this.#threads.size;
  }

  /**
   * Gives a stream the thread with the least to do; a new one where all have something to do and there may be more.
   *
   * @param sharing how many streams a thread must have before another is started. Default 1
   * @throws ThreadError where none can be started
   */
  take(sharing = 1): DigestThread {
    const thread = this.#leastBusy(sharing) ?? this.#start();
    clearTimeout(this.#threads.get(thread));
    this.#threads.set(thread, undefined);
    thread.streams += 1;
    return thread;
  }

  /** Says that a stream needs its thread no more. */
  give(thread: DigestThread): void {
    thread.streams -= 1;
    if (thread.streams > 0 || !this.#threads.has(thread)) return;
    const end = (): void => {
      this.#threads.delete(thread);
      thread.tell({ kind: 'close' });
    };
    this.#threads.set(thread, setTimeout(end, this.#options.idleMs).unref());
  }

  #leastBusy(sharing: number): DigestThread | undefined {
    const [least] = [...this.#threads.keys()].sort((one, other) => one.streams - other.streams);
    const isEnough = least !== undefined && (least.streams < sharing || this.#threads.size >= this.#options.most);
    return isEnough ? least : undefined;
  }

  #start(): DigestThread {
    const thread: DigestThread = new DigestThread(() => {
      clearTimeout(this.#threads.get(thread));
      this.#threads.delete(thread);
    });
    return thread;
  }
}

/** The threads of this process. One hashes about as fast as a connection brings bytes. */
export const digestThreads = new DigestThreads({ most: Math.min(availableParallelism(), 4), idleMs: 10_000 });
