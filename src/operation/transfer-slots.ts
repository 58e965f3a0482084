import { Places } from '../stream/places.js';

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
  readonly #hosts = new Map<string, Places>();

  /** @param perHost transfers at a time with one host */
  constructor(perHost: number) {
    this.#perHost = perHost;
  }

  /** @throws AbortError */
  take(host: string, { signal }: { readonly signal: AbortSignal }): Promise<Disposable> {
    const places = this.#hosts.get(host) ?? new Places(this.#perHost);
    this.#hosts.set(host, places);
    return places.take(signal);
  }
}
