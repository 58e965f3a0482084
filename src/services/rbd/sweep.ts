import { abandonedAfterMs, isOwnerDead } from '../../stores/file/attempt-name.js';
import { recordIfOld } from '../generations.js';
import { sweepEach } from '../sweep-each.js';
import { type BackupImage, backupsAmong, parseImageName } from './image-names.js';
import { readRecord } from './image-record.js';
import type { Rbd } from './rbd.js';

/**
 * Removes what attempts of dead processes left, and the images of backups that were replaced a day ago. One that somebody has open stays
 * for the next time.
 *
 * @returns how many images are gone by it, or by another sweep at the same time
 * @throws StoreError where it cannot look, or, once the others were tried, where one cannot be removed
 */
export async function sweep(rbd: Rbd, signal: AbortSignal | undefined): Promise<number> {
  const names = await rbd.list(signal);
  const removeIf = async (name: string, isOver: boolean) => (isOver && (await rbd.remove(name, signal)) ? 1 : 0);
  const left = names.map((name) => async () => removeIf(name, await isLeft(rbd, name, signal)));
  const replaced = [...backupsAmong(names).values()].flatMap(([newest, ...others]) => {
    if (newest === undefined) return [];
    return others.map(
      ({ name }) =>
        async () =>
          removeIf(name, await isToStay(rbd, newest, signal)),
    );
  });
  return sweepEach([...left, ...replaced], signal);
}

/** Whether it is of an attempt whose process is dead. */
async function isLeft(rbd: Rbd, name: string, signal: AbortSignal | undefined): Promise<boolean> {
  const image = parseImageName(name);
  return image?.kind === 'temporary' && isDead(rbd, name, image.attempt, signal);
}

/** Whether a backup has been there for a day, and is whole: while it is not, what it replaced may be the only copy. */
async function isToStay(rbd: Rbd, newest: BackupImage, signal: AbortSignal | undefined): Promise<boolean> {
  const record = await recordIfOld(readRecord(rbd, newest, signal));
  return record !== undefined && (await rbd.info(newest.name, signal))?.size === record.streamBytes;
}

async function isDead(rbd: Rbd, name: string, attempt: string, signal: AbortSignal | undefined): Promise<boolean> {
  const isOver = isOwnerDead(attempt);
  if (isOver !== undefined) return isOver;
  const info = await rbd.info(name, signal);
  if (info?.modifiedMs === undefined || Date.now() - info.modifiedMs < abandonedAfterMs) return false;
  return !(await rbd.isOpen(name, signal));
}
