import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Job, JobResults, ReplyMessage } from './job.js';

/** How many cases a worker has under way at once. */
const casesAtOnce = 6;

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

interface Member {
  readonly child: ChildProcess;
  readonly waiting: Map<number, Waiting>;
}

/** Worker processes, and the jobs that wait for them. */
export class WorkerPool implements Disposable {
  #members: readonly Member[];
  readonly #queue: (() => void)[] = [];
  #nextId = 0;
  #disposed = false;

  constructor(workers: number) {
    this.#members = Array.from({ length: workers }, () => this.#start());
  }

  /** Rejects where the worker ended; another one takes its place. */
  async run<J extends Job>(job: J): Promise<JobResults[J['type']]> {
    while (!this.#members.some(isFree)) await new Promise<void>((resolve) => this.#queue.push(resolve));
    const { child, waiting } = this.#members.reduce((least, other) =>
      other.waiting.size < least.waiting.size ? other : least,
    );
    const id = this.#nextId++;
    try {
      return await new Promise<JobResults[J['type']]>((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        child.send({ id, job }, (error) => {
          if (error !== null) reject(error);
        });
      });
    } finally {
      waiting.delete(id);
      this.#queue.shift()?.();
    }
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const { child } of this.#members) if (child.connected) child.disconnect();
  }

  #start(): Member {
    const child = fork(fileURLToPath(new URL('worker.ts', import.meta.url)));
    const waiting = new Map<number, Waiting>();
    child.on('message', ({ id, result, error }: ReplyMessage) => {
      const entry = waiting.get(id);
      if (error === undefined) entry?.resolve(result as never);
      else entry?.reject(new Error(error));
    });
    child.on('exit', (code, signal) => {
      if (!this.#disposed) {
        this.#members = this.#members.map((member) => (member.child === child ? this.#start() : member));
      }
      for (const { reject } of waiting.values()) reject(new Error(`a worker ended (${code ?? signal ?? '?'})`));
    });
    return { child, waiting };
  }
}

function isFree({ waiting }: Member): boolean {
  return waiting.size < casesAtOnce;
}
