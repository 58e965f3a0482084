import type { MoRef } from './schema/index.js';
import { identityOf } from './session-identity.js';
import type { VimSession } from './vim-session.js';

/**
 * How many waits one collector serves. The filters of waits that ended stay with it until then: to destroy each would cost
 * a call per wait, and one on a task that has ended costs the server nothing.
 */
const waitsPerCollector = 16;

/** How many collectors of a session may lie idle. */
const maxIdle = 8;

/** How long it may take to tell the server that a collector is not needed any more, in milliseconds. */
const destroyTimeoutMs = 5_000;

/** A property collector that one wait has for itself. */
export interface LeasedCollector {
  readonly ref: MoRef;
  /** Whether it served another wait before; the login it was created under may have ended since. */
  readonly used: boolean;
  /** Makes it available to the next wait. */
  giveBack(): Promise<void>;
  /** Destroys it: what it would answer next is not known. Never throws. */
  discard(): Promise<void>;
}

/**
 * The property collectors of one session's waits. A wait has one for itself, since a collector answers one poll at a time,
 * and hands it on to the next: waits that follow each other share one.
 */
export class CollectorPool {
  static readonly #pools = new WeakMap<VimSession, CollectorPool>();
  readonly #session: VimSession;
  readonly #idle: { readonly ref: MoRef; readonly waits: number }[] = [];

  private constructor(session: VimSession) {
    this.#session = session;
  }

  static of(session: VimSession): CollectorPool {
    let pool = CollectorPool.#pools.get(identityOf(session));
    if (pool === undefined) {
      pool = new CollectorPool(session);
      CollectorPool.#pools.set(identityOf(session), pool);
    }
    return pool;
  }

  /** @throws VimFault, VimConnectionError, AbortError */
  async take(signal: AbortSignal | undefined): Promise<LeasedCollector> {
    const idle = this.#idle.pop();
    const ref = idle?.ref ?? (await this.#create(signal));
    const waits = (idle?.waits ?? 0) + 1;
    return {
      ref,
      used: idle !== undefined,
      giveBack: async () => {
        if (waits < waitsPerCollector && this.#idle.length < maxIdle) this.#idle.push({ ref, waits });
        else await this.#destroy(ref);
      },
      discard: () => this.#destroy(ref),
    };
  }

  #create(signal: AbortSignal | undefined): Promise<MoRef> {
    return this.#session.invoke(
      'CreatePropertyCollector',
      this.#session.serviceContent.propertyCollector,
      {},
      { signal },
    );
  }

  /** Without a caller's signal, which may be why it ends; where it fails, the collector ends with the session. */
  async #destroy(ref: MoRef): Promise<void> {
    const signal = AbortSignal.timeout(destroyTimeoutMs);
    await this.#session.invoke('DestroyPropertyCollector', ref, {}, { signal }).catch(() => undefined);
  }
}
