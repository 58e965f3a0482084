import { createHash, randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';
import { hasErrno } from './errno.js';
import { processState } from './process-state.js';

/** After this time without a write, in milliseconds, an attempt counts as abandoned though its process may be alive. */
export const abandonedAfterMs = 24 * 60 * 60 * 1000;

/** The host, in a form that any name has room for. */
const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

/** A name no other attempt has, and that tells whose it is: `<host>-<process>-<thread>-<random>`. */
export function newAttemptName(): string {
  return [host, process.pid, threadId, randomBytes(8).toString('hex')].join('-');
}

/**
 * Whether the attempt a file belongs to is over, that is, whether nobody will go on with the file.
 *
 * A process on this host can be looked for. One elsewhere cannot (the directory may be shared), nor can a later process of
 * the same number be told from it: there, and only there, the file's age decides. An error in that costs the attempt, which then
 * fails for want of its file, and never the backup.
 */
export async function isAbandoned(attempt: string, path: string): Promise<boolean> {
  const isDead = isOwnerDead(attempt);
  if (isDead !== undefined) return isDead;
  try {
    return Date.now() - (await stat(path)).mtimeMs > abandonedAfterMs;
  } catch {
    return false;
  }
}

/** Whether nobody will go on with the attempt, as far as its name tells; undefined where its age has to decide. */
export function isOwnerDead(attempt: string): boolean | undefined {
  const [ownerHost, pid, thread] = attempt.split('-');
  if (ownerHost !== host) return undefined;
  if (Number(pid) === process.pid && Number(thread) === threadId) return !processState.attempts.has(attempt);
  return isRunning(Number(pid)) ? undefined : true;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process may not be signalled, but it is there.
    return !hasErrno(error, 'ESRCH');
  }
}
