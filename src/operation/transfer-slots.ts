import { AbortError, throwIfAborted } from '../errors/index.js';

/**
 * Who lets transfers begin. An ESXi host's NFC memory is small, and too many at once fail all of them; an application that
 * transfers from several processes must count them together.
 */
export interface TransferSlots {
  /**
   * Waits until a transfer with a host may begin. Disposing of what it resolves to says that the transfer has ended.
   *
   * @param host the ESXi host's managed object id (`host-21`, say; on a host itself `ha-host`), unique within its vCenter
   * @throws whatever tells the application why not; an aborted signal is answered by rejecting
   */
  take(host: string, options: { readonly signal: AbortSignal }): Promise<Disposable>;
}

/** Lets so many transfers with each host begin at a time, in the order in which they came. */
export class CountedSlots implements TransferSlots {
  readonly #perHost: number;
  readonly #running = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();

  /** @param perHost transfers at a time with one host */
  constructor(perHost: number) {
    this.#perHost = perHost;
  }

  /** @throws AbortError */
  async take(host: string, { signal }: { readonly signal: AbortSignal }): Promise<Disposable> {
    throwIfAborted(signal);
    const running = this.#running.get(host) ?? 0;
    if (running < this.#perHost) this.#running.set(host, running + 1);
    else await this.#queue(host, signal);
    let released = false;
    return {
      [Symbol.dispose]: () => {
        if (!released) this.#release(host);
        released = true;
      },
    };
  }

  #queue(host: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const queue = this.#waiting.get(host) ?? [];
      this.#waiting.set(host, queue);
      const enter = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        queue.splice(queue.indexOf(enter), 1);
        reject(new AbortError(signal));
      };
      queue.push(enter);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #release(host: string): void {
    const next = this.#waiting.get(host)?.shift();
    if (next !== undefined) next();
    else this.#running.set(host, (this.#running.get(host) ?? 1) - 1);
  }
}
