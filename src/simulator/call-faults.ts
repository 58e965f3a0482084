import { Fault } from './fault.js';
import type { EndedSessionAnswer } from './options.js';

/** A fault of any type, its fields beside it: `{ fault: 'NoPermission', privilegeId: 'Datastore.FileManagement' }`. */
export interface FaultTemplate {
  readonly fault: string;
  /** The text that goes with it. */
  readonly message?: string;
  readonly [field: string]: unknown;
}

/**
 * What goes wrong with a call:
 *
 * - a fault: the call, or its task, ends with it
 * - `reset`: the connection is cut, nothing is answered
 * - `hang`: nothing is ever answered
 * - `http-500`: an HTML page with status 500 instead of SOAP
 * - `session-expired`: the session ends; a call that had no effect yet is answered with `NotAuthenticated`
 * - `session-missing-set`, `session-empty`, `session-blind`: the same, answered as {@link EndedSessionAnswer} says
 * - `late`: the connection is cut at once, and the call takes effect when {@link InjectedCallFault.deliver} is called; `when` does
 *   not matter
 */
export type CallFaultKind = FaultTemplate | 'reset' | 'hang' | 'http-500' | 'late' | SessionEnd;

/** Ways in which a session ends. */
export type SessionEnd = 'session-expired' | 'session-missing-set' | 'session-empty' | 'session-blind';

const sessionEnds = {
  'session-expired': 'fault',
  'session-missing-set': 'missing-set',
  'session-empty': 'empty',
  'session-blind': 'blind',
} as const satisfies Record<SessionEnd, EndedSessionAnswer>;

/** How calls are answered of a session that was ended so; undefined where a fault ends no session. */
export function sessionEndOf(kind: CallFaultKind): EndedSessionAnswer | undefined {
  return typeof kind === 'string' && Object.hasOwn(sessionEnds, kind) ? sessionEnds[kind as SessionEnd] : undefined;
}

/**
 * When:
 *
 * - `before`: the call has no effect
 * - `after`: after its effect, instead of the answer. A task it started goes on
 * - `task`: faults only. The call returns a task, which ends with the fault and without effect
 * - `after-task`: a fault: the task has its effect and ends with the fault all the same. Anything else: as `after`, once the task ended
 */
export type CallFaultTime = 'before' | 'after' | 'task' | 'after-task';

/** A call that is to go wrong. */
export interface CallFault {
  /** The method's name, or `*` for any. */
  readonly method: string;
  /** Which of the calls from now on, from 1. @defaultValue 1 */
  readonly nth?: number | undefined;
  /** @defaultValue `before` */
  readonly when?: CallFaultTime | undefined;
  readonly kind: CallFaultKind;
}

/** A fault that was injected. */
export interface InjectedFault {
  /** Whether it happened. */
  readonly fired: boolean;
  /** Takes it back, if it has not happened yet. */
  remove(): void;
}

/** A fault of a call that was injected. */
export interface InjectedCallFault extends InjectedFault {
  /**
   * Lets a call of kind `late` take effect, once; it was answered long ago, by nothing.
   *
   * @returns the type of the fault it ended with, or its task did; undefined where it succeeded
   * @throws Error where no call is waiting
   */
  deliver(): Promise<string | undefined>;
}

/** What is to go wrong with one call. */
export interface PlannedFault {
  readonly when: CallFaultTime;
  readonly kind: CallFaultKind;
  /** What lets the call take effect, where it is of kind `late`. */
  late: (() => Promise<string | undefined>) | undefined;
}

interface Waiting extends PlannedFault {
  readonly method: string;
  left: number;
  fired: boolean;
}

/** The calls that are to go wrong. */
export class CallFaults {
  #waiting: readonly Waiting[] = [];

  inject({ method, nth = 1, when = 'before', kind }: CallFault): InjectedCallFault {
    const entry: Waiting = { method, left: nth, when, kind, late: undefined, fired: false };
    this.#waiting = [...this.#waiting, entry];
    return {
      get fired() {
        return entry.fired;
      },
      remove: () => {
        this.#drop(entry);
      },
      async deliver() {
        const { late } = entry;
        if (late === undefined) throw new Error(`no late ${method} is waiting`);
        entry.late = undefined;
        return late();
      },
    };
  }

  clear(): void {
    this.#waiting = [];
  }

  /** Counts a call, and says what is to go wrong with it. */
  take(method: string): PlannedFault | undefined {
    let planned: Waiting | undefined;
    for (const entry of this.#waiting) {
      if (entry.method !== '*' && entry.method !== method) continue;
      entry.left--;
      if (entry.left <= 0) planned ??= entry;
    }
    if (planned === undefined) return undefined;
    planned.fired = true;
    this.#drop(planned);
    return planned;
  }

  #drop(entry: Waiting): void {
    this.#waiting = this.#waiting.filter((other) => other !== entry);
  }
}

/** The fault a template describes. */
export function toFault({ fault, message, ...fields }: FaultTemplate): Fault {
  return new Fault({ ...fields, _type: fault }, message ?? `${fault} (injected)`);
}
