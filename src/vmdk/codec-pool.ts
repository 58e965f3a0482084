import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { InvalidInputError } from '../errors/invalid-input-error.js';
import { ThreadError } from '../errors/thread-error.js';
import { startWorker } from '../start-worker.js';
import type { CodecWorkerData, DeflateResult, DeflateTask, InflateResult, InflateTask } from './codec-worker.js';
import { codecWorkerSource } from './codec-worker-source.js';
import { ThreadControl } from './thread-control.js';

interface Pending {
  readonly resolve: (result: DeflateResult | InflateResult) => void;
  readonly reject: (error: unknown) => void;
}

interface Member {
  readonly worker: Worker;
  readonly pending: Map<number, Pending>;
  readonly ended: Promise<void>;
}

/** Areas of each kind for a worker: one it works on, two that wait for it, one that is read or written meanwhile. */
export const AREAS_PER_WORKER = 4;

/**
 * Worker threads that deflate or inflate, for one operation. Close it whatever happens: `finally { await pool.close() }`.
 *
 * A thread is started when all others are busy, and is never terminated: in the middle of zlib that aborts the process.
 * It is asked to end, and does so when it is through with its grain.
 */
export class CodecPool {
  readonly #workers: number;
  readonly #control: ThreadControl;
  readonly #grainBytes: number;
  readonly #members: Member[] = [];
  #nextId = 0;
  #failure: { readonly error: Error } | undefined;

  constructor(workers: number, grainBytes: number) {
    this.#workers = workers;
    this.#grainBytes = grainBytes;
    this.#control = new ThreadControl(workers);
  }

  /** Has a task done by the worker with the least to do. */
  run(task: DeflateTask): Promise<DeflateResult>;
  run(task: InflateTask): Promise<InflateResult>;
  run(task: DeflateTask | InflateTask): Promise<DeflateResult | InflateResult> {
    const id = this.#nextId++;
    const result = new Promise<DeflateResult | InflateResult>((resolve, reject) => {
      if (this.#failure !== undefined) throw this.#failure.error;
      const { worker, pending } = this.#leastBusy();
      pending.set(id, { resolve, reject });
      worker.postMessage({ id, task });
    });
    // Results are awaited in order: one that fails early must not count as unhandled until its turn comes.
    result.catch(() => undefined);
    return result;
  }

  /** Has the threads end: what is running fails with `error`, and what is yet to come. */
  abort(error: Error): void {
    this.#fail(error);
    this.#control.stop();
    for (const { worker } of this.#members) worker.postMessage(undefined);
  }

  /** Has the threads end, and is done when they have ended. */
  async close(): Promise<void> {
    this.abort(new Error('the worker threads were closed'));
    await Promise.all(this.#members.map(({ ended }) => ended));
    this.#control.release();
  }

  #fail(error: Error): void {
    this.#failure ??= { error };
    for (const { pending } of this.#members) {
      for (const { reject } of pending.values()) reject(error);
      pending.clear();
    }
  }

  #leastBusy(): Member {
    const [first, ...others] = this.#members;
    if (first === undefined) return this.#start();
    const least = others.reduce((best, other) => (other.pending.size < best.pending.size ? other : best), first);
    return least.pending.size > 0 && this.#members.length < this.#workers ? this.#start() : least;
  }

  #start(): Member {
    const workerData: CodecWorkerData = {
      grainBytes: this.#grainBytes,
      control: this.#control.memory,
      busy: this.#control.placeOf(this.#members.length),
    };
    const worker = startWorker('codec', codecWorkerSource, workerData);
    const pending = new Map<number, Pending>();
    worker.on('message', ({ id, result }: { id: number; result: DeflateResult | InflateResult }) => {
      pending.get(id)?.resolve(result);
      pending.delete(id);
    });
    worker.on('error', (error) => {
      this.#fail(new ThreadError(`a thread of the codec failed (${error.message})`, { cause: error }));
    });
    const ended = new Promise<void>((resolve) => {
      worker.on('exit', (code) => {
        this.#fail(new ThreadError(`a thread of the codec ended with code ${code}`));
        resolve();
      });
    });
    const member = { worker, pending, ended };
    this.#members.push(member);
    return member;
  }
}

/**
 * How many worker threads an operation uses.
 *
 * @throws InvalidInputError unless it is a whole number from 1 to 64
 */
export function workerCount(workers: number | undefined): number {
  const count = workers ?? Math.min(availableParallelism(), 4);
  if (!Number.isInteger(count) || count < 1 || count > 64) {
    throw new InvalidInputError('workers', 'must be a whole number from 1 to 64');
  }
  return count;
}
