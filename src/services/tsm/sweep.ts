import { readdir, rm } from 'node:fs/promises';
import { hasErrno } from '../../errors/errno.js';
import { throwIfAborted } from '../../errors/index.js';
import { abandonedAfterMs, isAbandoned, isOwnerDead } from '../../stores/file/attempt-name.js';
import { recordIfOld } from '../generations.js';
import { dataOf, parseArchiveName } from './archive-names.js';
import type { Dsmc } from './dsmc.js';
import { type ArchivedFile, hasSize } from './query-output.js';
import { dataAmong, recordsAmong, retrieveRecord } from './stored-records.js';
import { temporaryDirectoryOf } from './temporary-directory.js';

/**
 * Removes what attempts of dead processes left, on the server and in the directory, and backups that were replaced a day ago.
 *
 * @returns how many archived files are gone by it, or by another sweep at the same time
 */
export async function sweep(dsmc: Dsmc, signal: AbortSignal | undefined): Promise<number> {
  await sweepDirectory(dsmc.directory);
  const files = await dsmc.query('*', signal);
  return (await sweepAttempts(dsmc, files, signal)) + (await sweepReplaced(dsmc, files, signal));
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

/** Streams that no record names. */
async function sweepAttempts(
  dsmc: Dsmc,
  files: readonly ArchivedFile[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const over = withoutRecord(files).filter(({ attempt, archivedMs }) => {
    return isOwnerDead(attempt) ?? Date.now() - archivedMs > abandonedAfterMs;
  });
  if (over.length === 0) return 0;
  // Asked after the attempts were found to be over: those that have no record now never will.
  const still = new Set(withoutRecord(await dsmc.query('*', signal)).map(({ name }) => name));
  let swept = 0;
  for (const data of over) {
    if (!still.has(data.name)) continue;
    throwIfAborted(signal);
    await dsmc.delete(data, signal);
    swept++;
  }
  return swept;
}

async function sweepReplaced(
  dsmc: Dsmc,
  files: readonly ArchivedFile[],
  signal: AbortSignal | undefined,
): Promise<number> {
  let swept = 0;
  for (const [newest, ...replaced] of recordsAmong(files).values()) {
    if (newest === undefined || replaced.length === 0) continue;
    throwIfAborted(signal);
    const record = await recordIfOld(retrieveRecord(dsmc, newest, signal));
    if (record === undefined) continue;
    const data = dataAmong(files, newest);
    // While the backup is not whole, what it replaced may be the only copy.
    if (data === undefined || !hasSize(data, record.streamBytes)) continue;
    for (const old of replaced) {
      await dsmc.delete(old, signal);
      await dsmc.delete(dataOf(old), signal);
      swept += 2;
    }
  }
  return swept;
}

function withoutRecord(files: readonly ArchivedFile[]): ArchivedFile[] {
  const recorded = new Set(files.flatMap((file) => (file.kind === 'record' ? [file.attempt] : [])));
  return files.filter(({ kind, attempt }) => kind === 'data' && !recorded.has(attempt));
}
