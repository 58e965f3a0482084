import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ownerInName } from '../../process/owner-in-name.js';
import { isAbandoned } from '../../stores/file/attempt-name.js';
import { readRecord } from './backup-record.js';
import { parseFileName, recordFileName, type StoreFile } from './file-names.js';

type AttemptFile = Extract<StoreFile, { attempt: string }> & { readonly path: string };

/** The sweeps of whole directories that are under way: whoever begins meanwhile needs none of its own. */
const underWay = new Map<string, Promise<void>>();

/**
 * Removes what attempts of dead processes left: temporary files, and data that no record names.
 *
 * Never fails: what it cannot look at or remove stays for the next time, and is not taken for a backup meanwhile.
 */
export function sweepLeftovers(directory: string): Promise<void> {
  const running = underWay.get(directory);
  if (running !== undefined) return running;
  const sweep = sweepFiles(directory).finally(() => underWay.delete(directory));
  underWay.set(directory, sweep);
  return sweep;
}

/** {@link sweepLeftovers} for one backup's files. */
export function sweepLeftoversOf(directory: string, key: string): Promise<void> {
  return sweepFiles(directory, key);
}

async function sweepFiles(directory: string, key?: string): Promise<void> {
  try {
    const names = await readdir(directory);
    const files = names.flatMap((name) => {
      const file = parseFileName(name);
      return file === undefined ? [] : [{ ...file, path: join(directory, name) }];
    });
    const records = new Set<string>();
    const dataFiles = new Map<string, number>();
    for (const file of files) {
      if (file.kind === 'record') records.add(file.key);
      if (file.kind === 'data') dataFiles.set(file.key, (dataFiles.get(file.key) ?? 0) + 1);
    }
    for (const file of files) {
      if (file.kind === 'record' || !isAttemptName(file.attempt) || (key !== undefined && file.key !== key)) continue;
      // One record and one data file: they belong together. It spares reading every record of a large store.
      if (file.kind === 'data' && records.has(file.key) && dataFiles.get(file.key) === 1) continue;
      await removeIfLeftover(directory, file);
    }
  } catch {
    // The directory cannot be listed: what the caller does with it next will say so.
  }
}

/** Whether an attempt of this service, or of an earlier version of it, has this name. Somebody else's `disk.flat.vmdk` has not. */
function isAttemptName(name: string): boolean {
  return ownerInName(name) !== undefined || /^[0-9a-f]{8}-\d+-\d+-[0-9a-f]{16}$/.test(name);
}

async function removeIfLeftover(directory: string, file: AttemptFile): Promise<void> {
  try {
    if (!(await isAbandoned(file.attempt, file.path))) return;
    if (file.kind === 'data') {
      // Read after the attempt was found to be over: a record that does not name the file now never will.
      const record = await readRecord(join(directory, recordFileName(file.key)), file.key);
      if (record !== undefined && join(directory, record.dataFile) === file.path) return;
    }
    await rm(file.path, { force: true });
  } catch {
    // A record nobody here understands may name the file: it stays.
  }
}
