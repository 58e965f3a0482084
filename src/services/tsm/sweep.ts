import { readdir, rm } from 'node:fs/promises';
import { hasErrno } from '../../errors/errno.js';
import { abandonedAfterMs, isAbandoned, isOwnerDead } from '../../stores/file/attempt-name.js';
import { recordIfOld } from '../generations.js';
import { type Removal, sweepEach } from '../sweep-each.js';
import { dataOf, parseArchiveName } from './archive-names.js';
import type { Dsmc } from './dsmc.js';
import { type ArchivedFile, hasSize } from './query-output.js';
import { type ArchivedRecord, dataAmong, recordsAmong, retrieveRecord } from './stored-records.js';
import { temporaryDirectoryOf } from './temporary-directory.js';

/**
 * Removes what attempts of dead processes left, on the server and in the directory, and backups that were replaced a day ago.
 *
 * @returns how many archived files are gone by it, or by another sweep at the same time
 * @throws StoreError where it cannot look, or, once the others were tried, where one cannot be removed
 */
export async function sweep(dsmc: Dsmc, signal: AbortSignal | undefined): Promise<number> {
  await sweepDirectory(dsmc.directory);
  const files = await dsmc.query('*', signal);
  return sweepEach([...(await attempts(dsmc, files, signal)), ...replaced(dsmc, files, signal)], signal);
}

/** What a dead process had under way here. What cannot be looked at or removed stays for the next time. */
async function sweepDirectory(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  });
  for (const name of names) {
    const attempt = parseArchiveName(name)?.attempt ?? temporaryDirectoryOf(name);
    const path = `${directory}/${name}`;
    if (attempt === undefined || !(await isAbandoned(attempt, path))) continue;
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Removes streams that no record names. */
async function attempts(
  dsmc: Dsmc,
  files: readonly ArchivedFile[],
  signal: AbortSignal | undefined,
): Promise<Removal[]> {
  const over = withoutRecord(files).filter(({ attempt, archivedMs }) => {
    return isOwnerDead(attempt) ?? Date.now() - archivedMs > abandonedAfterMs;
  });
  if (over.length === 0) return [];
  // Asked after the attempts were found to be over: those that have no record now never will.
  const still = new Set(withoutRecord(await dsmc.query('*', signal)).map(({ name }) => name));
  return over
    .filter(({ name }) => still.has(name))
    .map((data) => async () => {
      await dsmc.delete(data, signal);
      return 1;
    });
}

/** Removes what was replaced, each record before its stream. */
function replaced(dsmc: Dsmc, files: readonly ArchivedFile[], signal: AbortSignal | undefined): Removal[] {
  return [...recordsAmong(files).values()].flatMap(([newest, ...others]) => {
    if (newest === undefined) return [];
    return others.map((old) => async () => {
      if (!(await isToStay(dsmc, files, newest, signal))) return 0;
      await dsmc.delete(old, signal);
      await dsmc.delete(dataOf(old), signal);
      return 2;
    });
  });
}

/** Whether a backup has been there for a day, and is whole: while it is not, what it replaced may be the only copy. */
async function isToStay(
  dsmc: Dsmc,
  files: readonly ArchivedFile[],
  newest: ArchivedRecord,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const record = await recordIfOld(retrieveRecord(dsmc, newest, signal));
  const data = dataAmong(files, newest);
  return record !== undefined && data !== undefined && hasSize(data, record.streamBytes);
}

function withoutRecord(files: readonly ArchivedFile[]): ArchivedFile[] {
  const recorded = new Set(files.flatMap((file) => (file.kind === 'record' ? [file.attempt] : [])));
  return files.filter(({ kind, attempt }) => kind === 'data' && !recorded.has(attempt));
}
