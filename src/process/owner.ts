import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';
import { type Incarnation, thisIncarnation } from './incarnation.js';
import { sharedState } from './shared-state.js';

/** A process, or a thread of one, that owns what an operation made. */
export interface Owner {
  /**
   * Names it wherever it leaves something: `host:pid:thread:random`, and where the system says so
   * `:numberSpace:startTicks`.
   */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly thread: number;
  /** No other process, thread or run has it. */
  readonly random: string;
  /** What tells whether the process is still there; absent where its system does not say. */
  readonly incarnation: Incarnation | undefined;
}

/** This thread; one for all copies of the library in it. */
export const thisOwner: Owner = sharedState('owner/1', () => {
  const owner = {
    host: hostname(),
    pid: process.pid,
    thread: threadId,
    random: randomBytes(8).toString('hex'),
    incarnation: thisIncarnation(),
  };
  return { ...owner, id: formatOwner(owner) };
});

/** Reads an id as {@link Owner.id} has it, or the `host:pid` of version 0.1; `undefined` for anything else. */
export function parseOwner(id: string): Owner | undefined {
  const match = /^([^:]+):(\d{1,10})(?::(\d{1,10}):([0-9a-f]{16})(?::([0-9a-f]{12}):(\d{1,20}))?)?$/.exec(id);
  if (match === null) return undefined;
  const [, host = '', pid, thread = '0', random = '', numberSpace, startTicks] = match;
  return {
    id,
    host,
    pid: Number(pid),
    thread: Number(thread),
    random,
    incarnation: numberSpace === undefined || startTicks === undefined ? undefined : { numberSpace, startTicks },
  };
}

function formatOwner({ host, pid, thread, random, incarnation }: Omit<Owner, 'id'>): string {
  const process = incarnation === undefined ? [] : [incarnation.numberSpace, incarnation.startTicks];
  return [host, pid, thread, random, ...process].join(':');
}
