import { AbortError, throwIfAborted } from '../errors/index.js';

/** The transfers that run and wait, per host. An ESXi host's NFC memory is small: too many at once fail all of them. */
export class TransferSlots {
  readonly #perHost: number;
  readonly #running = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();

  /** @param perHost transfers at a time with one host */
  constructor(perHost: number) {
    this.#perHost = perHost;
  }

  /**
   * Waits for a slot; disposing of it gives it to the next in line.
   *
   * @throws AbortError
   */
  async take(url: string, signal: AbortSignal): Promise<Disposable> {
    throwIfAborted(signal);
    const { host } = new URL(url);
    const running = this.#running.get(host) ?? 0;
    if (running < this.#perHost) this.#running.set(host, running + 1);
    else await this.#queue(host, signal);
    return {
      [Symbol.dispose]: () => {
        this.#release(host);
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
