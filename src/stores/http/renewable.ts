import { throwIfAborted } from '../../errors/index.js';
import { untilAborted } from '../../until-aborted.js';

/** Something that is valid for a time: a token, keys of a session. */
export interface Expiring {
  /** When it ends, in milliseconds since the epoch of this machine's clock; unknown where it is left out. */
  readonly expiresAtMs?: number | undefined;
}

/** It is renewed when this part of its life is left. */
const renewalPart = 0.1;

/** And not later than this before its end, in milliseconds, unless its whole life is short. */
const renewalMs = 5 * 60 * 1000;

/**
 * Holds something that has to be renewed: before it ends, and when it was refused. Callers that need it at the same time wait for
 * one renewal.
 */
export class Renewable<T extends Expiring> {
  readonly #renew: () => Promise<T>;
  #current: { readonly value: T; readonly renewAtMs: number } | undefined;
  #renewal: Promise<T> | undefined;

  constructor(renew: () => Promise<T>) {
    this.#renew = renew;
  }

  /** The value, renewed where it is about to end. The signal ends the waiting, not a renewal that others wait for, too. */
  async get(signal?: AbortSignal): Promise<T> {
    throwIfAborted(signal);
    const current = this.#current;
    if (current !== undefined && Date.now() < current.renewAtMs) return current.value;
    return untilAborted(this.#renewed(), signal);
  }

  /** Says that the value was refused: the next `get` renews it, unless that has happened already. */
  invalidate(value: T): void {
    if (this.#current?.value === value) this.#current = undefined;
  }

  async #renewed(): Promise<T> {
    this.#renewal ??= this.#run();
    return this.#renewal;
  }

  async #run(): Promise<T> {
    const previous = this.#current;
    try {
      const value = await this.#renew();
      this.#current = { value, renewAtMs: renewalTime(value) };
      return value;
    } catch (error) {
      // It is renewed ahead of time: what is there may still do, and the server decides.
      const { value } = previous ?? {};
      if (value !== undefined && previous === this.#current && Date.now() < (value.expiresAtMs ?? 0)) return value;
      throw error;
    } finally {
      this.#renewal = undefined;
    }
  }
}

function renewalTime({ expiresAtMs }: Expiring): number {
  if (expiresAtMs === undefined) return Number.POSITIVE_INFINITY;
  const lifeMs = Math.max(0, expiresAtMs - Date.now());
  return expiresAtMs - Math.min(lifeMs * renewalPart, renewalMs);
}
