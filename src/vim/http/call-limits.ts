/** Why a call was ended before its reply was there. */
export type Interruption = 'signal' | 'timeout' | 'closed';

/**
 * One signal for everything that can end a call: its caller's signal, the end of its session, and silence of the server
 * for too long.
 */
export class CallLimits {
  readonly #controller = new AbortController();
  readonly #sources: readonly (readonly [AbortSignal, () => void])[];
  readonly #silenceMs: number;
  #timer: NodeJS.Timeout | undefined;
  /** What ended the call, once something did. */
  interruption: Interruption | undefined;

  constructor(silenceMs: number, caller: AbortSignal | undefined, session: AbortSignal | undefined) {
    const listen = (signal: AbortSignal | undefined, why: Interruption): [AbortSignal, () => void][] => {
      if (signal === undefined) return [];
      const interrupt = (): void => {
        this.#interrupt(why);
      };
      if (signal.aborted) interrupt();
      else signal.addEventListener('abort', interrupt, { once: true });
      return [[signal, interrupt]];
    };
    this.#silenceMs = silenceMs;
    this.#sources = [...listen(caller, 'signal'), ...listen(session, 'closed')];
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The server is asked, or said something: the time of its silence begins. */
  heard(): void {
    this.#timer ??= setTimeout(() => {
      this.#interrupt('timeout');
    }, this.#silenceMs);
    this.#timer.refresh();
  }

  /** Must be called when the call is over: takes the listeners off signals that live longer. */
  end(): void {
    clearTimeout(this.#timer);
    for (const [signal, interrupt] of this.#sources) signal.removeEventListener('abort', interrupt);
  }

  #interrupt(why: Interruption): void {
    this.interruption ??= why;
    this.#controller.abort();
  }
}
