/** How far ahead a timer of the runtime can be set, in milliseconds. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** Something that is to happen at a time. */
export interface Alarm {
  cancel(): void;
}

interface Pending {
  readonly due: number;
  readonly ring: () => void;
  timer: NodeJS.Timeout | undefined;
}

/**
 * The server's clock, by which it tells times and ends what is overdue. It runs as the real one does, as far ahead of it as it
 * was put.
 */
export class Clock {
  readonly #pending = new Set<Pending>();
  #aheadMs: number;

  /** @param aheadMs - of the real clock; negative where it is slow */
  constructor(aheadMs: number) {
    this.#aheadMs = aheadMs;
  }

  /** In milliseconds since 1970. */
  now(): number {
    return Date.now() + this.#aheadMs;
  }

  /** As a `dateTime`. */
  timestamp(): string {
    return new Date(this.now()).toISOString();
  }

  /** Lets time pass at once; what becomes due by it happens before this returns. */
  advance(ms: number): void {
    this.#aheadMs += ms;
    const now = this.now();
    for (const entry of [...this.#pending].sort((a, b) => a.due - b.due)) {
      if (entry.due <= now) this.#ring(entry);
      else this.#arm(entry);
    }
  }

  /** Calls `ring` after a time. It does not keep the process alive. */
  setAlarm(ms: number, ring: () => void): Alarm {
    const entry: Pending = { due: this.now() + ms, ring, timer: undefined };
    this.#pending.add(entry);
    this.#arm(entry);
    return {
      cancel: () => {
        clearTimeout(entry.timer);
        this.#pending.delete(entry);
      },
    };
  }

  #arm(entry: Pending): void {
    clearTimeout(entry.timer);
    const left = Math.max(0, entry.due - this.now());
    const check = (): void => {
      if (left > MAX_TIMEOUT) this.#arm(entry);
      else this.#ring(entry);
    };
    entry.timer = setTimeout(check, Math.min(left, MAX_TIMEOUT)).unref();
  }

  #ring(entry: Pending): void {
    clearTimeout(entry.timer);
    // One that rang before may have cancelled this one.
    if (this.#pending.delete(entry)) entry.ring();
  }
}
