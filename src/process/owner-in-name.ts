import { createHash } from 'node:crypto';
import { type Owner, thisOwner } from './owner.js';

/** What a file's name tells of its owner. The host is a digest: any name has room for it. */
export type OwnerInName = Omit<Owner, 'id' | 'host'> & { readonly hostDigest: string };

/** Stands for what a system does not say. */
const unsaid = '0';

const hostDigest = createHash('sha256').update(thisOwner.host).digest('hex').slice(0, 8);

/**
 * This thread as a part of a file's name: `<pid>-<thread>-<random>-<host>-<numberSpace>-<startTicks>`, of letters, digits
 * and dashes.
 */
export const thisOwnerInName: string = [
  thisOwner.pid,
  thisOwner.thread,
  thisOwner.random,
  hostDigest,
  thisOwner.incarnation?.numberSpace ?? unsaid,
  thisOwner.incarnation?.startTicks ?? unsaid,
].join('-');

/** The owner at the beginning of a text; `undefined` where there is none. */
export function ownerInName(text: string): OwnerInName | undefined {
  const match = /^(\d{1,10})-(\d{1,10})-([0-9a-f]{16})-([0-9a-f]{8})-([0-9a-f]{12}|0)-(\d{1,20})(?:-|$)/.exec(text);
  if (match === null) return undefined;
  const [, pid, thread, random = '', digest = '', numberSpace = unsaid, startTicks = unsaid] = match;
  return {
    pid: Number(pid),
    thread: Number(thread),
    random,
    hostDigest: digest,
    incarnation: numberSpace === unsaid ? undefined : { numberSpace, startTicks },
  };
}
