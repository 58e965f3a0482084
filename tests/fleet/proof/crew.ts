import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { WorkerOrder } from './order.js';

/** Worker processes, as many as there are to be: whoever dies is replaced. */
export class Crew implements AsyncDisposable {
  readonly #program: string;
  readonly #order: WorkerOrder;
  readonly #members: ChildProcess[] = [];

  constructor(program: string, order: WorkerOrder) {
    this.#program = program;
    this.#order = order;
  }

  /** Starts one more. */
  async add(): Promise<void> {
    const child = fork(this.#program, { execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } });
    child.send(this.#order);
    this.#members.push(child);
    const serving = once(child, 'message');
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`a worker did not begin: ${String(code ?? signal)}`);
    });
    await Promise.race([serving, ended]);
    ended.catch(() => undefined);
  }

  /** Kills one, and starts another in its place. */
  async replace(at: number): Promise<void> {
    const [victim] = this.#members.splice(at % this.#members.length, 1);
    await end(victim!, 'SIGKILL');
    await this.add();
  }

  /** Freezes one for a while. */
  freeze(at: number): { thaw(): void } {
    const frozen = this.#members[at % this.#members.length]!;
    frozen.kill('SIGSTOP');
    return { thaw: () => frozen.kill('SIGCONT') };
  }

  /** Asks all to end, and waits for it. */
  async drain(): Promise<number[]> {
    return Promise.all(
      this.#members.splice(0).map(async (child) => {
        const startedAt = performance.now();
        await end(child, 'SIGTERM');
        return performance.now() - startedAt;
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.splice(0).map((child) => end(child, 'SIGKILL')));
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}
