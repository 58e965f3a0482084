import type { MoRef } from '../vim/schema/index.js';
import type { Clock } from './clock.js';

/** One call as the simulator saw it. */
export interface CallRecord {
  /** Counted from 0 over the simulator's life. */
  readonly index: number;
  readonly method: string;
  readonly target: MoRef;
  /** The arguments; passwords are masked. Undefined where they could not be read. */
  args: Readonly<Record<string, unknown>> | undefined;
  /** The session's key, or undefined without one. */
  session: string | undefined;
  /** When it arrived, by the server's clock, in milliseconds since 1970. */
  readonly at: number;
  /** What it returned; absent while it is being answered, where it failed or returned nothing. */
  result?: unknown;
  /** The type of the fault it was answered with. */
  fault?: string;
  /** Whether an answer was sent. */
  answered: boolean;
}

/** How long all requests and replies may be together that are remembered, in characters. */
const MAX_CHARACTERS = 16 * 2 ** 20;

/** What was called lately, in order of arrival: it does not grow with the number of calls, nor with their length. */
export class CallLog {
  readonly #clock: Clock;
  readonly #maxRecords: number;
  #entries: { readonly record: CallRecord; characters: number }[] = [];
  #characters = 0;
  #count = 0;

  constructor(clock: Clock, maxRecords: number) {
    this.#clock = clock;
    this.#maxRecords = maxRecords;
  }

  get records(): readonly CallRecord[] {
    return this.#entries.map(({ record }) => record);
  }

  /** How many calls there were, those that are forgotten included. */
  get count(): number {
    return this.#count;
  }

  /** @param characters - of the request */
  begin(method: string, target: MoRef, characters: number): CallRecord {
    const record: CallRecord = {
      index: this.#count++,
      method,
      target,
      args: undefined,
      session: undefined,
      at: this.#clock.now(),
      answered: false,
    };
    this.#entries.push({ record, characters });
    this.#characters += characters;
    this.#forget();
    return record;
  }

  /** Takes note of a reply's length. */
  reply(record: CallRecord, characters: number): void {
    const entry = this.#entries.findLast((other) => other.record === record);
    if (entry === undefined) return;
    entry.characters += characters;
    this.#characters += characters;
    this.#forget();
  }

  #forget(): void {
    let forgotten = 0;
    for (const { characters } of this.#entries) {
      if (this.#entries.length - forgotten <= this.#maxRecords && this.#characters <= MAX_CHARACTERS) break;
      this.#characters -= characters;
      forgotten++;
    }
    if (forgotten > 0) this.#entries = this.#entries.slice(forgotten);
  }
}

/** Arguments as they may be shown. */
export function masked(args: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return 'password' in args ? { ...args, password: '***' } : args;
}
