import { randomBytes } from 'node:crypto';
import { open, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { livenessOf } from '../../process/liveness.js';
import { thisOwner } from '../../process/owner.js';
import { ownerInName, thisOwnerInName } from '../../process/owner-in-name.js';
import { processState } from './process-state.js';

/** After this time without a write, in milliseconds, an attempt counts as abandoned whose process cannot be looked for. */
export const abandonedAfterMs = 24 * 60 * 60 * 1000;

/** A name no other attempt has, and that tells whose it is: its owner, and something random. */
export function newAttemptName(): string {
  return `${thisOwnerInName}-${randomBytes(8).toString('hex')}`;
}

/**
 * Whether the attempt a file belongs to is over, that is, whether nobody will go on with the file.
 *
 * A process that is counted where this one is can be looked for. One elsewhere cannot (the directory may be shared): there, and
 * only there, the file's age decides. An error in that costs the attempt, which then fails for want of its file, and never the
 * backup.
 */
export async function isAbandoned(attempt: string, path: string): Promise<boolean> {
  const isDead = isOwnerDead(attempt);
  if (isDead !== undefined) return isDead;
  try {
    const { mtimeMs } = await stat(path);
    const isOld = (now: number) => now - mtimeMs > abandonedAfterMs;
    // Of a shared directory it is its server that gives the times: this machine's clock may be another.
    return isOld(Date.now()) && isOld(await timeBeside(path, attempt));
  } catch {
    return false;
  }
}

/**
 * The time by the clock of who serves a file's directory, in milliseconds: that of a file just made in it, which has no name any more by
 * then. Its name was that of a file of another attempt's: should this process die before it is taken away, a sweep takes it for what it is.
 */
async function timeBeside(file: string, attempt: string): Promise<number> {
  const path = join(dirname(file), basename(file).replace(attempt, newAttemptName()));
  const handle = await open(path, 'wx', 0o600);
  try {
    await unlink(path);
    return (await handle.stat()).mtimeMs;
  } finally {
    await handle.close();
  }
}

/**
 * Whether nobody will go on with the attempt, as far as its name tells; undefined where its age has to decide. A name that no attempt
 * gave is somebody else's.
 */
export function isOwnerDead(attempt: string): boolean | undefined {
  const owner = ownerInName(attempt);
  if (owner === undefined) return false;
  if (owner.random === thisOwner.random) return !processState.attempts.has(attempt);
  const liveness = livenessOf(owner);
  return liveness === 'unknown' ? undefined : liveness === 'dead';
}
