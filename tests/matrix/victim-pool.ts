import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { VictimOrder } from './victim.js';
import { victimProgram } from './victim-program.js';

/** How many processes wait, ready, for their end. */
const spare = 3;

/** A process that is to be killed while it works. */
export class Victim {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  readonly ready: Promise<unknown>;
  #killed = false;

  constructor(program: string) {
    // Nothing of this process's own arguments: it needs no TypeScript.
    this.#child = fork(program, { execArgv: [] });
    this.#exit = once(this.#child, 'exit');
    this.ready = once(this.#child, 'message');
  }

  /** Has it work. Resolves when it ended, one way or the other. */
  async work(order: VictimOrder): Promise<'killed' | 'survived'> {
    const message = once(this.#child, 'message');
    this.#child.send(order);
    const said: unknown = await Promise.race([
      this.#exit.then(() => undefined),
      message.then(([text]) => text as unknown),
    ]);
    if (typeof said === 'string' && said !== 'survived') throw new Error(`the victim ${said}`);
    return this.#killed ? 'killed' : 'survived';
  }

  /** Kills it, and waits until it is dead. */
  async kill(): Promise<void> {
    this.#killed = true;
    this.#child.kill('SIGKILL');
    await this.#exit;
  }
}

/** Victims that are started before they are needed. */
export class VictimPool implements Disposable {
  #spare: Promise<Victim>[] = [];
  readonly #all = new Set<Victim>();

  async take(): Promise<Victim> {
    while (this.#spare.length <= spare) this.#spare.push(this.#start());
    const [next = this.#start(), ...rest] = this.#spare;
    this.#spare = rest;
    return next;
  }

  async #start(): Promise<Victim> {
    const victim = new Victim(await victimProgram());
    this.#all.add(victim);
    await victim.ready;
    return victim;
  }

  [Symbol.dispose](): void {
    for (const victim of this.#all) void victim.kill();
  }
}
