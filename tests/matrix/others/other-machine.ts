import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromMachine, MachineOrder, MachineResult } from './machine-messages.js';

/** How long the other machine may take for what waits for nothing, in milliseconds: far longer than any busy machine needs. */
const patienceMs = 600_000;

/** Another machine: a process that is started when it is first needed, and serves any number of cases at once. */
export class OtherMachine implements Disposable {
  readonly #waiting = new Map<number, (result: MachineResult) => void>();
  #child: ChildProcess | undefined;
  #nextId = 0;

  /** Resolves with what it did; `undefined` where it never came to an end: it was told to stop, and did. */
  async run(order: MachineOrder): Promise<MachineResult | undefined> {
    const child = (this.#child ??= this.#start());
    const id = this.#nextId++;
    const result = new Promise<MachineResult>((resolve) => this.#waiting.set(id, resolve));
    child.send({ id, order });
    const patience = AbortSignal.timeout(patienceMs);
    const giveUp = (): void => void child.send({ id, cancel: true });
    patience.addEventListener('abort', giveUp);
    try {
      const done = await result;
      return patience.aborted ? undefined : done;
    } finally {
      patience.removeEventListener('abort', giveUp);
      this.#waiting.delete(id);
    }
  }

  #start(): ChildProcess {
    const child = fork(fileURLToPath(new URL('machine.ts', import.meta.url)));
    child.on('message', ({ id, result }: FromMachine) => this.#waiting.get(id)?.(result));
    child.on('exit', (code, signal) => {
      this.#child = undefined;
      const message = `the other machine ended (${code ?? signal ?? '?'})`;
      const error = { code: undefined, message, retryable: false, cleanup: undefined };
      for (const resolve of this.#waiting.values()) resolve({ error });
    });
    return child;
  }

  [Symbol.dispose](): void {
    if (this.#child?.connected === true) this.#child.disconnect();
  }
}
