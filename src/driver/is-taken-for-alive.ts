import { boundedCall } from '../bounded-call.js';
import type { RestoreJournal } from '../journal/restore-journal.js';
import type { Logger } from '../logger.js';
import { livenessOf } from '../process/liveness.js';
import { parseOwner, thisOwner } from '../process/owner.js';
import { isRunning } from '../restore/run-restoration.js';
import { defaultLimitMs, type SignsOfLife } from '../restore/signs-of-life.js';

/** Who runs a restore, as far as its journal says. */
export interface OwnerInfo {
  /** `VmdkDriver.ownerId` of that process. */
  readonly id: string;
  /** Empty, and 0, where the id is not one of this library's. */
  readonly host: string;
  readonly pid: number;
  /** When the restore began; ISO 8601, by the server's clock. */
  readonly startedAt: string;
}

/** Tells whether an owner lives; `undefined` leaves it to the signs of life. */
export type IsAlive = (owner: OwnerInfo) => boolean | undefined | Promise<boolean | undefined>;

/** How long an application's answer is waited for, in milliseconds. */
const answerTimeoutMs = 30_000;

/** What deciding needs. */
export interface Judge {
  readonly isAlive: IsAlive | undefined;
  readonly olderThanMs: number;
  readonly logger: Logger;
}

/**
 * Whether a restore is left alone. The application is asked first; then whether its process is there, where that can be known;
 * then the signs of life decide. A process that lives may have given a restore up: it counts as running it for as long as it
 * shows signs of life, and no longer than for the usual limit after.
 */
export async function isTakenForAlive(judge: Judge, journal: RestoreJournal, signs: SignsOfLife): Promise<boolean> {
  if (isRunning(journal)) return true;
  const answer = await ask(judge, journal);
  if (answer !== undefined) return answer;
  const owner = parseOwner(journal.owner);
  // This very thread, and it does not run it: it gave it up, or could not end it.
  if (owner?.random === thisOwner.random) return false;
  switch (livenessOf(owner)) {
    case 'dead':
      return false;
    case 'alive':
      return signs.lastSeenMs < Math.max(judge.olderThanMs, defaultLimitMs);
    case 'unknown':
      return signs.lastSeenMs < judge.olderThanMs;
  }
}

async function ask({ isAlive, logger }: Judge, journal: RestoreJournal): Promise<boolean | undefined> {
  if (isAlive === undefined) return undefined;
  const { owner: id, startedAt } = journal;
  const { host = '', pid = 0 } = parseOwner(id) ?? {};
  const onTimeUp = (): Error => new Error(`no answer within ${answerTimeoutMs} ms`);
  const call = (): unknown => isAlive({ id, host, pid, startedAt });
  try {
    const answer = await boundedCall({ call, limitMs: answerTimeoutMs, onTimeUp });
    return typeof answer === 'boolean' ? answer : undefined;
  } catch (error) {
    logger.warn({ owner: id, err: error }, 'isAlive gave no answer; the signs of life decide');
    return undefined;
  }
}
