import { throwIfAborted } from '../../errors/index.js';
import { abandonedAfterMs, isOwnerDead } from '../../stores/file/attempt-name.js';
import { recordIfOld } from '../generations.js';
import { backupsAmong, parseImageName } from './image-names.js';
import { readRecord } from './image-record.js';
import type { Rbd } from './rbd.js';

/**
 * Removes what attempts of dead processes left, and the images of backups that were replaced a day ago.
 *
 * @returns how many images are gone by it, or by another sweep at the same time
 */
export async function sweep(rbd: Rbd, signal: AbortSignal | undefined): Promise<number> {
  const names = await rbd.list(signal);
  let swept = 0;
  for (const name of names) {
    throwIfAborted(signal);
    const image = parseImageName(name);
    if (image?.kind !== 'temporary' || !(await isDead(rbd, name, image.attempt, signal))) continue;
    // One that somebody has open stays for the next time.
    if (await rbd.remove(name, signal)) swept++;
  }
  for (const [newest, ...replaced] of backupsAmong(names).values()) {
    if (newest === undefined || replaced.length === 0) continue;
    throwIfAborted(signal);
    const record = await recordIfOld(readRecord(rbd, newest, signal));
    if (record === undefined) continue;
    // While the backup is not whole, what it replaced may be the only copy.
    if ((await rbd.info(newest.name, signal))?.size !== record.streamBytes) continue;
    for (const { name } of replaced) if (await rbd.remove(name, signal)) swept++;
  }
  return swept;
}

async function isDead(rbd: Rbd, name: string, attempt: string, signal: AbortSignal | undefined): Promise<boolean> {
  const isOver = isOwnerDead(attempt);
  if (isOver !== undefined) return isOver;
  const info = await rbd.info(name, signal);
  if (info?.modifiedMs === undefined || Date.now() - info.modifiedMs < abandonedAfterMs) return false;
  return !(await rbd.isOpen(name, signal));
}
