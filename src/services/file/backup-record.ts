import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { BackupCorruptError, UnsupportedBackupError } from '../../errors/index.js';
import { hasErrno } from '../../stores/file/errno.js';
import { parseFileName } from './file-names.js';
import { asServiceError } from './service-error.js';

const recordSchema = z.object({
  /** The record's own format. */
  formatVersion: z.literal(1),
  backupId: z.string(),
  volumeId: z.string(),
  /** Name of the file, in the same directory, that holds the stream. */
  dataFile: z.string(),
  /** Length of the stream in bytes. */
  streamBytes: z.int().nonnegative(),
  /** SHA-256 of the stream. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** When the stream had been taken, ISO 8601. */
  storedAt: z.iso.datetime(),
  /** The driver's manifest as it was given, where one was. It has a version of its own and is read when asked for. */
  manifest: z.unknown().optional(),
});

/** What the store knows of a backup: the content of its `<key>.json`. */
export type BackupRecord = Readonly<z.infer<typeof recordSchema>>;

const versionSchema = z.object({ formatVersion: z.unknown() });

/**
 * Reads a record; undefined where there is none.
 *
 * @throws UnsupportedBackupError where it is of another version
 * @throws BackupCorruptError where it is damaged
 */
export async function readRecord(path: string, key: string): Promise<BackupRecord | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw asServiceError(error, 'a backup record cannot be read');
  }
  return parseRecord(text, key);
}

function parseRecord(text: string, key: string): BackupRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BackupCorruptError(`the record of backup ${key} is not JSON`, { cause });
  }
  const version = versionSchema.safeParse(value).data?.formatVersion;
  if (version !== undefined && version !== 1) {
    throw new UnsupportedBackupError(`the record of backup ${key} is of version ${JSON.stringify(version)}, not 1`);
  }
  const result = recordSchema.safeParse(value);
  if (!result.success) {
    throw new BackupCorruptError(`the record of backup ${key} is damaged: ${z.prettifyError(result.error)}`);
  }
  const file = parseFileName(result.data.dataFile);
  // A record must not make a restore read, or a delete remove, any other file.
  if (file?.kind !== 'data' || file.key !== key) {
    throw new BackupCorruptError(`the record of backup ${key} names a data file that is not its own`);
  }
  return result.data;
}
