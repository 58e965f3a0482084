import type { Readable } from 'node:stream';
import type { Backup } from '../model/backup.js';
import type { BackupManifest, BackupMetadata } from '../model/backup-manifest.js';
import type { ListOptions, StoredBackup, UnreadableBackup } from './listed-backup.js';

/** A regular file on disk that holds, or is to hold, a volume's stream. */
export interface VolumeFile {
  /** Absolute path. A program of someone else's may read or write it: the driver has it closed meanwhile. */
  readonly path: string;
}

/** How far a service is with one backup or restore. */
export interface ServiceProgress {
  readonly bytesDone: number;
  readonly bytesTotal?: number | undefined;
}

/** What the driver gives a service with each call. */
export interface ServiceOptions {
  /** Aborted when the operation is; the service should then reject soon. */
  readonly signal?: AbortSignal | undefined;
  /** To be called as bytes move, as often as is convenient. What it throws or rejects with costs the services of this package nothing. */
  readonly onProgress?: ((progress: ServiceProgress) => void) | undefined;
}

/** What the driver gives a service that takes a backup. */
export interface ServiceBackupOptions extends ServiceOptions {
  /**
   * What the file holds; the driver always gives it. A service may keep it with the data and give it back by
   * {@link BackupService.readManifest}.
   */
  readonly manifest?: BackupManifest | undefined;
}

/** What the driver gives a service that gives a backup back. */
export interface ServiceRestoreOptions extends ServiceOptions {
  /**
   * What the stream must be; the driver gives it where it knows it, and then holds every byte that comes back against it
   * (length, SHA-256, structure) before anything of the volume changes. A service need not do that as well.
   */
  readonly manifest?: BackupManifest | undefined;
}

/**
 * Takes one backup as a stream. Exactly one of `commit` and `abort` ends it; an `abort` after that does nothing, and
 * `write` and `commit` reject.
 */
export interface BackupWriter {
  /**
   * Takes the next bytes, of any length; resolves when the service is ready for more. The service must leave the chunk as it
   * is, and not use it after that: the caller may fill its memory anew.
   */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Makes the backup durable and visible. Nothing of it may be visible before, and nothing if it rejects: then a backup of
   * the same id that was there still is. The manifest has the stream's length and SHA-256, which the driver took on the way:
   * a service need not hash the bytes again.
   */
  commit(manifest: BackupManifest): Promise<void | BackupMetadata>;
  /** Gives the backup up and leaves nothing behind. Never rejects because there was nothing. */
  abort(): Promise<void>;
}

/**
 * A writer that has this property is known to have done with a chunk's memory once its `write` has
 * resolved: the driver then uses it again. All writers must, but of those that others wrote it is not relied on: a mistake
 * would be seen only when such a backup is needed.
 */
export const takesByValue: unique symbol = Symbol.for('vmdk-driver/takes-by-value');

/**
 * What an application must supply to store backups.
 *
 * The file handed over is a regular file on disk, so that a client which only takes files or block devices (TSM) works.
 * `backup` must not resolve before the copy is durable, and a backup that fails must not be there afterwards. `restore`
 * must write exactly the bytes that were given to `backup`; the driver checks that they are.
 */
export interface BackupService {
  /**
   * Stores the file's bytes as the backup, and leaves the file as it is. A backup of the same id is replaced once the new
   * one is whole, and stays if it never is. Two calls for one id at once may end in either's backup, but never in a mix.
   */
  backup(backup: Backup, file: VolumeFile, options?: ServiceBackupOptions): Promise<void | BackupMetadata>;
  /**
   * Writes the backup's bytes into the file, which exists and is empty. `volumeId` is the volume the bytes are for; it need
   * not be the one they came from.
   *
   * @throws BackupNotFoundError where there is no such backup
   */
  restore(backup: Backup, volumeId: string, file: VolumeFile, options?: ServiceRestoreOptions): Promise<void>;
  /** Removes the backup. Resolves where there is none. */
  delete?(backup: Backup, options?: Pick<ServiceOptions, 'signal'>): Promise<void>;
  /** The backups that are there, in no particular order. One that cannot be read is listed with its error and ends nothing. */
  list?(options?: ListOptions): AsyncIterable<StoredBackup | UnreadableBackup>;
  /** The manifest kept with the backup, where the service keeps them and the backup exists. */
  readManifest?(backup: Backup, options?: ServiceOptions): Promise<BackupManifest | undefined>;
  /** Takes the backup as a stream; then the driver needs no temporary file. */
  openBackup?(backup: Backup, options?: ServiceOptions): Promise<BackupWriter>;
  /**
   * Gives the backup as a stream; then the driver needs no temporary file. A stream that cannot be given whole ends with
   * an error. The driver reads it to its end or destroys it.
   *
   * @throws BackupNotFoundError where there is no such backup
   */
  openRestore?(
    backup: Backup,
    options?: ServiceRestoreOptions,
  ): Promise<{ readonly stream: Readable; readonly length?: number | undefined }>;
}
