import type { Worker } from 'node:worker_threads';
import { ThreadError } from '../errors/index.js';
import { startWorker } from '../start-worker.js';
import type { DigestReply, DigestTask } from './digest-worker.js';
import { digestWorkerSource } from './digest-worker-source.js';

/** Who waits for a reply. */
interface Waiting {
  readonly resolve: (reply: DigestReply) => void;
  readonly reject: (error: Error) => void;
}

/** A thread that hashes streams. It keeps the process alive only while a reply is due. */
export class DigestThread {
  readonly #worker: Worker;
  readonly #onFailure: () => void;
  /** Replies come in the order of the tasks that ask for one. */
  readonly #waiting: Waiting[] = [];
  /** Makes the error anew for each who waits: they are of several operations, and each notes on its own what it did. */
  #failure: (() => ThreadError) | undefined;
  /** The streams that were given to it and have not ended. */
  streams = 0;

  /**
   * @param onFailure called when it can take no more tasks
   * @throws ThreadError where the system gives no thread
   */
  constructor(onFailure: () => void) {
    this.#onFailure = onFailure;
    this.#worker = startWorker('digests', digestWorkerSource);
    this.#worker.unref();
    this.#worker.on('message', (reply: DigestReply) => {
      this.#waiting.shift()?.resolve(reply);
      if (this.#waiting.length === 0) this.#worker.unref();
    });
    this.#worker.on('error', (error) => {
      this.#fail(`failed (${error.message})`, error);
    });
    this.#worker.on('exit', (code) => {
      this.#fail(`ended with code ${code}`);
    });
  }

  /** Gives a task that no reply is due to. One that comes too late is nobody's concern. */
  tell(task: DigestTask): void {
    this.#worker.postMessage(task);
  }

  /**
   * Gives a task and waits for its reply.
   *
   * @throws ThreadError
   */
  async ask(task: DigestTask, transfer: readonly ArrayBuffer[] = []): Promise<DigestReply> {
    if (this.#failure !== undefined) throw this.#failure();
    return new Promise((resolve, reject) => {
      this.#worker.postMessage(task, transfer);
      if (this.#waiting.push({ resolve, reject }) === 1) this.#worker.ref();
    });
  }

  #fail(reason: string, cause?: unknown): void {
    if (this.#failure !== undefined) return;
    const failure = (): ThreadError => new ThreadError(`the thread that hashes streams ${reason}`, { cause });
    this.#failure = failure;
    for (const { reject } of this.#waiting.splice(0)) reject(failure());
    this.#onFailure();
  }
}
