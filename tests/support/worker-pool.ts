import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { JobMessage, ReplyMessage } from './answer-jobs.js';

/** How a pool is set up. */
export interface WorkerPoolOptions {
  /** How many processes. */
  readonly workers: number;
  /** How many jobs a worker has under way at once. */
  readonly jobsAtOnce: number;
  /** Options of Node's for the workers, beside those of this process. */
  readonly execArgv?: readonly string[];
}

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

interface Member {
  readonly child: ChildProcess;
  readonly waiting: Map<number, Waiting>;
}

/** Worker processes, and the jobs that wait for them. What a kind of job comes to is told by its `type`. */
export class WorkerPool<
  Job extends { readonly type: keyof Results },
  Results extends Readonly<Record<Job['type'], unknown>>,
> implements Disposable {
  readonly #program: string;
  readonly #options: WorkerPoolOptions;
  #members: readonly Member[];
  readonly #queue: (() => void)[] = [];
  #nextId = 0;
  #disposed = false;

  /** @param program what the workers run; it calls `answerJobs` */
  constructor(program: URL, options: WorkerPoolOptions) {
    this.#program = fileURLToPath(program);
    this.#options = options;
    this.#members = Array.from({ length: options.workers }, () => this.#start());
  }

  /** Rejects where the worker ended; another one takes its place. */
  async run<J extends Job>(job: J): Promise<Results[J['type']]> {
    while (!this.#members.some((member) => this.#isFree(member))) {
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    }
    const { child, waiting } = this.#members.reduce((least, other) =>
      other.waiting.size < least.waiting.size ? other : least,
    );
    const id = this.#nextId++;
    try {
      return await new Promise<Results[J['type']]>((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        child.send({ id, job } satisfies JobMessage<Job>, (error) => {
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
    const { execArgv = [] } = this.#options;
    const child = fork(this.#program, { execArgv: [...process.execArgv, ...execArgv] });
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

  #isFree({ waiting }: Member): boolean {
    return waiting.size < this.#options.jobsAtOnce;
  }
}
