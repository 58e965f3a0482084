import * as z from 'zod';
import { BackupCorruptError, UnsupportedBackupError } from '../errors/index.js';
import type { Backup } from '../model/backup.js';
import { type BackupManifest, parseBackupManifest } from '../model/backup-manifest.js';
import type { WrittenStream } from './hashing-writer.js';
import type { StoredBackup } from './listed-backup.js';

/** What every record of a backup has, wherever it is kept. */
export const recordShape = {
  /** The record's own format. */
  formatVersion: z.literal(1),
  backupId: z.string(),
  volumeId: z.string(),
  /** Length of the stream in bytes. */
  streamBytes: z.int().nonnegative(),
  /** SHA-256 of the stream. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** When the stream had been taken, ISO 8601. */
  storedAt: z.iso.datetime(),
  /** The driver's manifest as it was given, where one was. It has a version of its own and is read when asked for. */
  manifest: z.unknown().optional(),
};

/** Such a record. */
export type CommonRecord = Readonly<z.infer<z.ZodObject<typeof recordShape>>>;

/** The record of a backup that is stored now. */
export function newRecord(backup: Backup, written: WrittenStream, manifest: BackupManifest | undefined): CommonRecord {
  return {
    formatVersion: 1,
    backupId: backup.id,
    volumeId: backup.volumeId,
    ...written,
    storedAt: new Date().toISOString(),
    ...(manifest === undefined ? {} : { manifest }),
  };
}

/** The bytes a record tells of. */
export type StoredStream = Pick<CommonRecord, 'backupId' | 'streamBytes' | 'sha256'>;

/** Whether somebody who has this manifest holds the bytes against the digest they were stored with. */
export function isChecked(
  stored: StoredStream,
  manifest: { readonly streamBytes: number; readonly sha256: string } | undefined,
): boolean {
  return manifest?.sha256 === stored.sha256 && manifest.streamBytes === stored.streamBytes;
}

const versionSchema = z.object({ formatVersion: z.unknown() });

/**
 * Reads a record's JSON.
 *
 * @param key the backup's, for errors
 * @throws UnsupportedBackupError where it is of another version
 * @throws BackupCorruptError where it is damaged
 */
export function parseRecord<T>(schema: z.ZodType<T>, text: string, key: string): T {
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
  const result = schema.safeParse(value);
  if (!result.success) {
    throw new BackupCorruptError(`the record of backup ${key} is damaged: ${z.prettifyError(result.error)}`);
  }
  return result.data;
}

/** @throws BackupCorruptError where the record is another backup's or another volume's */
export function assertRecordOf(backup: Backup, { backupId, volumeId }: CommonRecord): void {
  if (backupId !== backup.id) throw new BackupCorruptError(`the record of backup ${backup.id} is that of ${backupId}`);
  if (volumeId !== backup.volumeId) {
    throw new BackupCorruptError(
      `backup ${backup.id} is of volume ${volumeId}, and was asked for as one of ${backup.volumeId}`,
    );
  }
}

/** A record as it is listed. */
export function listedRecord({ backupId: id, volumeId, streamBytes, storedAt, manifest }: CommonRecord): StoredBackup {
  const known = { id, volumeId, streamBytes, storedAt };
  return manifest === undefined ? known : { ...known, manifest: parseBackupManifest(manifest) };
}
