import { EventEmitter, once } from 'node:events';
import type { CallRecord } from '../../../src/simulator/index.js';
import { type CallSite, sitesOf } from '../interruption.js';
import type { MatrixLab } from '../lab.js';

/** Who makes a call: the one whose work is looked at, or the other machine. */
export type Actor = 'first' | 'other';

/** A moment of somebody's work. */
export interface Moment {
  readonly actor: Actor;
  /** The call; or the how manieth of his calls, from 1. */
  readonly call: CallSite | number;
  readonly phase: 'before' | 'after';
}

/** Somebody who stands still at a moment of his work until he is let go. */
export interface Hold extends Disposable {
  /** Resolves once he stands there. */
  readonly reached: Promise<'reached'>;
  letGo(): void;
}

/** Holds somebody at a moment of his work. */
export function hold(lab: MatrixLab, moment: Moment): Hold {
  const reached = new EventEmitter();
  const released = new AbortController();
  const stop = atMoment(lab, moment, async () => {
    reached.emit('reached');
    if (!released.signal.aborted) await once(released.signal, 'abort');
  });
  const letGo = (): void => {
    stop();
    released.abort();
  };
  return { reached: once(reached, 'reached').then(() => 'reached'), letGo, [Symbol.dispose]: letGo };
}

/** Has something happen at a moment of somebody's work, which stands still meanwhile. @returns ends the wait for it */
export function atMoment(
  lab: MatrixLab,
  { actor, call: which, phase: when }: Moment,
  act: () => Promise<void>,
): () => void {
  let count = 0;
  let current: CallRecord | undefined;
  const stop = lab.simulator.onCall(async ({ phase, call }) => {
    if (actorOf(lab, call) !== actor || !isCounted(call, which)) return;
    if (phase === 'before' && ++count === (typeof which === 'number' ? which : which.nth)) current = call;
    if (call !== current || phase !== when) return;
    current = undefined;
    await act();
  });
  return stop;
}

/** Who makes a call. Who is not logged in counts as the one whose work is looked at. */
export function actorOf({ simulator, otherAddress }: MatrixLab, { session }: CallRecord): Actor {
  const login = simulator.sessions().find(({ key }) => key === session);
  return login?.userName === otherAddress.username ? 'other' : 'first';
}

function isCounted({ method }: CallRecord, which: CallSite | number): boolean {
  return typeof which === 'number' ? isPlanned(method) : method === which.method;
}

/** Whether a call is one of the work itself: renewals and logins come as they like. */
export function isPlanned(method: string): boolean {
  return sitesOf([method]).length > 0;
}
