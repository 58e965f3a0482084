import type { MoRef } from '../vim/schema/index.js';

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
  /** When it arrived, in milliseconds since 1970. */
  readonly at: number;
  /** What it returned; absent while it is being answered, where it failed or returned nothing. */
  result?: unknown;
  /** The type of the fault it was answered with. */
  fault?: string;
  /** Whether an answer was sent. */
  answered: boolean;
}

/** What was called, in order of arrival. */
export class CallLog {
  readonly #records: CallRecord[] = [];

  get records(): readonly CallRecord[] {
    return this.#records;
  }

  begin(method: string, target: MoRef): CallRecord {
    const record: CallRecord = {
      index: this.#records.length,
      method,
      target,
      args: undefined,
      session: undefined,
      at: Date.now(),
      answered: false,
    };
    this.#records.push(record);
    return record;
  }
}

/** Arguments as they may be shown. */
export function masked(args: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return 'password' in args ? { ...args, password: '***' } : args;
}
