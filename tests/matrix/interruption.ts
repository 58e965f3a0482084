import type { CallFault, Simulator, TransferFaultKind } from '../../src/simulator/index.js';
import { methods } from '../../src/vim/schema/index.js';

/** What can be done to any call. */
export const callInterruptions = [
  'fault before',
  'fault after',
  'reset before',
  'reset after',
  'expiry before',
  'expiry after',
  'cancel before',
  'cancel after',
] as const;
/** What can be done to the task a call starts. */
export const taskInterruptions = ['task fault', 'fault after task', 'reset after task'] as const;
/** From the call on, no call comes through any more. */
export const outages = ['outage before', 'outage after'] as const;

export type CallInterruption =
  (typeof callInterruptions)[number] | (typeof taskInterruptions)[number] | (typeof outages)[number];

/** One call of a clean run: the nth of its method. Calls are told so, since polls and renewals come as they like. */
export interface CallSite {
  readonly method: string;
  readonly nth: number;
}

/** What can be done to a call after another one was interrupted. */
export const secondInterruptions = [
  'fault before',
  'fault after',
  'reset before',
  'reset after',
  'expiry before',
  'expiry after',
] as const;

/** A second fault, so many calls after the first: in the undo of what the first one broke. */
export interface SecondFault {
  readonly after: number;
  readonly kind: (typeof secondInterruptions)[number];
}

export interface InterruptedCall {
  readonly what: 'call';
  readonly site: CallSite;
  readonly kind: CallInterruption;
  readonly second?: SecondFault;
}

export type Place = 'start' | 'middle' | 'end';

export interface InterruptedTransfer {
  readonly what: 'transfer';
  readonly direction: 'export' | 'import';
  readonly kind: Exclude<TransferFaultKind, 'corrupt'>;
  readonly place: Place;
}

export type Interruption = InterruptedCall | InterruptedTransfer;

/** The driver's own clockwork: these come and go with time. */
const background = new Set(['HttpNfcLeaseProgress', 'CurrentTime', 'Login', 'Logout', 'RetrieveServiceContent']);

const systemError = { fault: 'SystemError', reason: 'injected' } as const;

const faults: Readonly<Record<Exclude<CallInterruption, `cancel ${string}`>, Pick<CallFault, 'when' | 'kind'>>> = {
  'fault before': { when: 'before', kind: systemError },
  'fault after': { when: 'after', kind: systemError },
  'reset before': { when: 'before', kind: 'reset' },
  'reset after': { when: 'after', kind: 'reset' },
  'expiry before': { when: 'before', kind: 'session-expired' },
  'expiry after': { when: 'after', kind: 'session-expired' },
  'task fault': { when: 'task', kind: systemError },
  'fault after task': { when: 'after-task', kind: systemError },
  'reset after task': { when: 'after-task', kind: 'reset' },
  'outage before': { when: 'before', kind: 'reset' },
  'outage after': { when: 'after', kind: 'reset' },
};

/** The sites of the calls a clean run made. */
export function sitesOf(calls: readonly string[]): CallSite[] {
  const counts = new Map<string, number>();
  return calls
    .filter((method) => !background.has(method))
    .map((method) => {
      const nth = (counts.get(method) ?? 0) + 1;
      counts.set(method, nth);
      return { method, nth };
    });
}

export function isTask(method: string): boolean {
  return method.endsWith('_Task');
}

/** Whether a method changes what the server has, other than the caller's own collectors. */
export function isMutation(method: string): boolean {
  return (
    isTask(method) ||
    ['ImportVApp', 'ExportVm', 'CreateFolder', 'SetVirtualDiskUuid'].includes(method) ||
    isLeaseEnd(method)
  );
}

function isLeaseEnd(method: string): boolean {
  return method === 'HttpNfcLeaseComplete' || method === 'HttpNfcLeaseAbort';
}

/** Whether the driver has no reason to give up: the state after such an interruption can be looked up, or nothing is lost. */
export function mustSucceed(interruption: Interruption): boolean {
  if (interruption.what === 'transfer' || interruption.second !== undefined) return false;
  const { site, kind } = interruption;
  switch (kind) {
    case 'expiry before':
    case 'expiry after':
      return true;
    case 'reset before':
      return isIdempotent(site.method);
    case 'reset after':
    case 'reset after task':
      // What a detached disk's capacity is cannot be looked up.
      return isIdempotent(site.method) || (isTask(site.method) && site.method !== 'ExtendVirtualDisk_Task');
    default:
      return false;
  }
}

/** Whether a call may be answered with a fault though it was carried out: a lease that it opened is denied then, and nobody knows it. */
export function mayDenyALease(interruption: Interruption): boolean {
  return interruption.what === 'call' && [interruption.kind, interruption.second?.kind].includes('fault after');
}

function isIdempotent(method: string): boolean {
  return (methods as Readonly<Record<string, { readonly idempotent: boolean }>>)[method]?.idempotent === true;
}

/** An interruption that waits for its moment. */
export interface Armed extends Disposable {
  /** Whether it happened; a second fault's first one as well. */
  readonly fired: boolean;
  /** What to cancel the work by. */
  readonly signal: AbortSignal;
}

/** @param streamBytes how long the transferred stream is, to know its middle and its end */
export function arm(simulator: Simulator, interruption: Interruption, streamBytes: number): Armed {
  return interruption.what === 'call'
    ? armCall(simulator, interruption)
    : armTransfer(simulator, interruption, streamBytes);
}

function armTransfer(
  simulator: Simulator,
  { direction, kind, place }: InterruptedTransfer,
  streamBytes: number,
): Armed {
  const atByte = { start: 0, middle: Math.floor(streamBytes / 2), end: streamBytes - 1 }[place];
  const injected = simulator.injectTransferFault({ direction, kind, atByte });
  return {
    get fired() {
      return injected.fired;
    },
    signal: new AbortController().signal,
    [Symbol.dispose]: () => simulator.clearFaults(),
  };
}

function armCall(simulator: Simulator, { site, kind, second }: InterruptedCall): Armed {
  const controller = new AbortController();
  const injected = isCancel(kind) ? undefined : simulator.injectFault({ ...site, ...faults[kind] });
  let secondFault: { readonly fired: boolean } | undefined;
  let left = site.nth;
  let reached = false;
  let out = false;
  const stop = simulator.onCall(({ phase, call }) => {
    // What a listener throws cuts the connection before the call has its effect.
    if (phase === 'before' && out) throw new Error('the server is out of reach');
    if (call.method !== site.method) return;
    if (phase === 'before') left--;
    if (left !== 0 || reached) return;
    if (phase === 'before' && second !== undefined) {
      secondFault = simulator.injectFault({ method: '*', nth: second.after, ...faults[second.kind] });
    }
    if (phase === (kind === 'cancel after' ? 'after' : 'before')) {
      reached = true;
      if (isCancel(kind)) controller.abort();
      if (kind.startsWith('outage')) out = true;
      if (out) cutTransfers(simulator);
    }
  });
  return {
    get fired() {
      return (injected?.fired ?? reached) && (secondFault?.fired ?? second === undefined);
    },
    signal: controller.signal,
    [Symbol.dispose]() {
      stop();
      simulator.clearFaults();
    },
  };
}

function isCancel(kind: CallInterruption): kind is Extract<CallInterruption, `cancel ${string}`> {
  return kind.startsWith('cancel');
}

/** A server out of reach has no transfers either. */
function cutTransfers(simulator: Simulator): void {
  for (let n = 0; n < 4; n++) {
    simulator.injectTransferFault({ direction: 'export', kind: 'reset' });
    simulator.injectTransferFault({ direction: 'import', kind: 'reset' });
  }
}

export function describeInterruption(interruption: Interruption): string {
  if (interruption.what === 'transfer') {
    return `${interruption.kind} of the ${interruption.direction} at its ${interruption.place}`;
  }
  const { site, kind, second } = interruption;
  const then = second === undefined ? '' : `, then ${second.kind} ${second.after} calls later`;
  return `${kind} ${site.method} #${site.nth}${then}`;
}
