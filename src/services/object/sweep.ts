import { randomBytes } from 'node:crypto';
import { AbortError, StoreError, VmdkDriverError } from '../../errors/index.js';
import type { ObjectInfo, ObjectStore } from '../../stores/object-store.js';
import { storeTime } from '../../stores/store-time.js';
import { sweepEach } from '../sweep-each.js';
import { readNote } from './attempt-note.js';
import { deleteAll } from './delete-all.js';
import { attemptOf, attemptsPrefix, clocksPrefix, segmentsPrefix } from './object-names.js';
import { readRecord } from './object-record.js';
import { isBefore, listedRecord, mayBeOutdated } from './outdated-record.js';

/** After this time without a new object, by the store's clock, an attempt counts as dead, in milliseconds. */
export const graceMs = 24 * 60 * 60 * 1000;

/**
 * Removes what dead attempts left, and the segments of backups that were replaced: those of attempts whose notes and newest segment are
 * older than the grace, and that no record names. What is locked stays, and the note of it, for a later sweep.
 *
 * @returns how many attempts were removed
 * @throws StoreError where it cannot look, or, once the others were tried, where one cannot be removed
 */
export async function sweep(store: ObjectStore, signal: AbortSignal | undefined): Promise<number> {
  const notes = new Map<string, ObjectInfo[]>();
  for await (const note of store.list(attemptsPrefix, { signal })) {
    const attempt = attemptOf(note.key);
    if (attempt !== undefined) notes.set(attempt, [...(notes.get(attempt) ?? []), note]);
  }
  const clocks: ObjectInfo[] = [];
  for await (const clock of store.list(clocksPrefix, { signal })) clocks.push(clock);
  // Where there is nothing to look at, the store need not be asked for its time.
  if (notes.size === 0 && clocks.length === 0) return 0;
  const clockKey = `${clocksPrefix}${randomBytes(16).toString('hex')}`;
  const nowMs = (await storeTime(store, clockKey, Buffer.alloc(0), signal)).getTime();
  const isOld = ({ lastModified }: ObjectInfo) => nowMs - lastModified.getTime() > graceMs;
  // Of processes that died while they asked for the time.
  const stopped = clocks.filter(isOld).map(({ key }) => key);
  const sweepClocks = async () => {
    await deleteAll(store, stopped, signal);
    return 0;
  };
  const attempts = [...notes]
    .filter(([, ofAttempt]) => ofAttempt.every(isOld))
    .map(
      ([attempt, ofAttempt]) =>
        async () =>
          sweepAttempt(store, attempt, ofAttempt, isOld, signal),
    );
  return sweepEach([...attempts, sweepClocks], signal);
}

/** 1 where there was something to remove, else 0. */
async function sweepAttempt(
  store: ObjectStore,
  attempt: string,
  notes: readonly ObjectInfo[],
  isOld: (info: ObjectInfo) => boolean,
  signal: AbortSignal | undefined,
): Promise<number> {
  const key = await readNote(store, notes[0]?.key ?? '', signal);
  // It went meanwhile, or a later version wrote it.
  if (key === undefined) return 0;
  const segments: ObjectInfo[] = [];
  for await (const info of store.list(segmentsPrefix(key, attempt), { signal })) {
    if (!isOld(info)) return 0;
    segments.push(info);
  }
  // Read last: an attempt so old does not commit any more, so that a record that does not name it now never will.
  const record = await readRecord(store, key, signal).catch((error: unknown) => {
    if (!(error instanceof VmdkDriverError) || error instanceof StoreError || error instanceof AbortError) throw error;
    return error;
  });
  // A record that nobody here understands may name it.
  if (record instanceof VmdkDriverError) return 0;
  // That one is not found does not mean that there is none.
  if (record === undefined && (await listedRecord(store, key, signal)) !== undefined) return 0;
  const isBackup = record?.attempt === attempt;
  if (record !== undefined && !isBackup && segments.length > 0) {
    const began = [...notes, ...segments].reduce((first, info) => (isBefore(info, first) ? info : first));
    if (await mayBeOutdated(store, key, record, began, signal)) return 0;
  }
  if (!isBackup) await deleteAll(store, keysOf(segments), signal);
  await deleteAll(store, keysOf(notes), signal);
  return isBackup ? 0 : 1;
}

function keysOf(infos: readonly ObjectInfo[]): string[] {
  return infos.map(({ key }) => key);
}
