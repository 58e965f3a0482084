import { type FileHandle, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { InvalidInputError, throwIfAborted } from '../../errors/index.js';
import type { Backup } from '../../model/backup.js';
import { type BackupManifest, parseBackupManifest } from '../../model/backup-manifest.js';
import { parseInput } from '../../parse-input.js';
import { inTurn } from '../../stores/file/process-state.js';
import { syncDirectory } from '../../stores/file/sync-directory.js';
import { ChunkReadable } from '../../stream/chunk-readable.js';
import { FileChunks } from '../../stream/file-chunks.js';
import { AttemptWriter } from '../attempt-writer.js';
import type {
  BackupService,
  BackupWriter,
  ServiceBackupOptions,
  ServiceOptions,
  ServiceRestoreOptions,
  VolumeFile,
} from '../backup-service.js';
import { checkStream } from '../check-stream.js';
import { forBackupIn } from '../for-backup.js';
import type { ListOptions, StoredBackup, UnreadableBackup } from '../listed-backup.js';
import { fileSchema, optionsSchema, parseListOptions, parseOptions, volumeIdSchema } from '../parse-arguments.js';
import { asServiceError } from '../service-error.js';
import { storeFile } from '../store-file.js';
import { fillTarget, openTarget } from '../volume-file.js';
import { BackupAttempt } from './backup-attempt.js';
import { readRecord } from './backup-record.js';
import { recordFileName } from './file-names.js';
import { listBackups } from './list-backups.js';
import { findRecord, type OpenedBackup, openStored } from './opened-backup.js';
import { StoredChunks } from './stored-chunks.js';
import { sweepLeftoversOf } from './sweep-leftovers.js';

/** How a {@link FileBackupService} is set up. */
export interface FileBackupServiceOptions {
  /**
   * The directory that holds the backups, absolute or relative to the working directory of now. The first backup creates
   * it, mode 0700, where it does not exist. It should hold nothing else.
   */
  readonly directory: string;
}

/**
 * Keeps backups as files in one directory: `<id>.<attempt>.vmdk` is the stream, `<id>.json` the record that makes it a
 * backup.
 *
 * A backup is there once its record is, and the record is renamed into place after everything else is durable. So a reader sees
 * the old backup or the new one, whole, whenever a process dies; and several processes may use the directory at once. Length
 * and SHA-256 are taken while storing and checked by every restore.
 *
 * All methods reject with an `AbortError` once their `signal` is aborted, with an {@link InvalidInputError} for arguments they do not take
 * (such as an id that would leave the directory), and with a `BackupServiceError` where the file system fails or everybody may
 * write to the directory. A failed call leaves nothing behind.
 */
export class FileBackupService implements BackupService {
  /** The directory that holds the backups, absolute. */
  readonly directory: string;

  /** @throws InvalidInputError naming the option at fault */
  constructor(options: FileBackupServiceOptions) {
    this.directory = resolve(parseInput('options', optionsSchema, options).directory);
  }

  /**
   * Stores the file's bytes. A manifest that is given is kept, and has to be of these bytes.
   *
   * The driver's temporary file is not read again: the driver hashed it, and where it lies on the directory's file system, it
   * is taken over by a clone of its blocks or a link.
   *
   * @throws BackupCorruptError where the manifest tells of other bytes than the file holds
   */
  async backup(backup: Backup, file: VolumeFile, options: ServiceBackupOptions = {}): Promise<void> {
    const given = parseOptions(options);
    const { path } = parseInput('file', fileSchema, file);
    await forBackupIn(this.directory, backup, given.signal, 'cannot be stored', () =>
      storeFile(path, given, (source) => BackupAttempt.begin(this.directory, backup, source)),
    );
  }

  /**
   * Writes the backup's bytes into the file, whatever it held, and makes them durable. `volumeId` may be another volume's
   * than the backup's.
   *
   * Where it fails after the backup was found, the file is left empty. Who gives the backup's manifest holds the bytes against
   * it himself: then only their number is checked here.
   *
   * @throws BackupNotFoundError
   * @throws BackupCorruptError where the stored bytes are not those that were stored, or the backup is not of `backup.volumeId`
   * @throws UnsupportedBackupError where a later version of this library stored the backup
   */
  async restore(
    backup: Backup,
    volumeId: string,
    file: VolumeFile,
    options: ServiceRestoreOptions = {},
  ): Promise<void> {
    const given = parseOptions(options);
    const { signal } = given;
    parseInput('volumeId', volumeIdSchema, volumeId);
    const { path } = parseInput('file', fileSchema, file);
    await forBackupIn(this.directory, backup, signal, 'cannot be restored', async () => {
      const stored = await openStored(this.directory, backup);
      try {
        const target = await openForeignTarget(path, stored);
        try {
          await fillTarget(target, chunksOf(stored), stored.record, given);
        } finally {
          await target.close();
        }
      } finally {
        await stored.handle.close();
      }
    });
  }

  /** Removes the backup. A restore that has begun is not disturbed. Resolves where there is no such backup. */
  async delete(backup: Backup, options: ServiceOptions = {}): Promise<void> {
    const { signal } = parseOptions(options);
    await forBackupIn(this.directory, backup, signal, 'cannot be deleted', async (key) => {
      const recordPath = join(this.directory, recordFileName(key));
      await inTurn(recordPath, async () => {
        throwIfAborted(signal);
        // A record that cannot be read is removed all the same; its data is then left to a sweep.
        const record = await readRecord(recordPath, key).catch(() => undefined);
        await rm(recordPath, { force: true });
        if (record !== undefined) {
          // First the record for good, then the data: a crash must not leave a backup without data.
          await syncDirectory(this.directory);
          await rm(join(this.directory, record.dataFile), { force: true });
        }
        await sweepLeftoversOf(this.directory, key);
      });
    });
  }

  /**
   * The backups that are there, in no particular order. One whose record is damaged, or of a later version, is listed with its
   * error.
   */
  async *list(options: ListOptions = {}): AsyncGenerator<StoredBackup | UnreadableBackup, void, undefined> {
    const given = parseListOptions(options);
    throwIfAborted(given.signal);
    try {
      yield* listBackups(this.directory, given);
    } catch (error) {
      throw asServiceError(error, `${this.directory} cannot be listed`);
    }
  }

  /**
   * The manifest that was stored with the backup; undefined where none was, or there is no such backup.
   *
   * @throws UnsupportedBackupError where record or manifest are of another version
   * @throws BackupCorruptError where the record is damaged
   */
  async readManifest(backup: Backup, options: ServiceOptions = {}): Promise<BackupManifest | undefined> {
    const { signal } = parseOptions(options);
    return forBackupIn(this.directory, backup, signal, 'cannot be read', async () => {
      const record = await findRecord(this.directory, backup);
      return record?.manifest === undefined ? undefined : parseBackupManifest(record.manifest);
    });
  }

  /**
   * Takes the backup as a stream. Whatever fails ends the writer and leaves nothing behind.
   *
   * `commit` rejects with a `BackupCorruptError` where the manifest tells of other bytes than were written.
   */
  async openBackup(backup: Backup, options: ServiceOptions = {}): Promise<BackupWriter> {
    const given = parseOptions(options);
    return forBackupIn(this.directory, backup, given.signal, 'cannot be stored', async () => {
      const attempt = await BackupAttempt.begin(this.directory, backup);
      try {
        throwIfAborted(given.signal);
      } catch (error) {
        await attempt.discard();
        throw error;
      }
      return new AttemptWriter(attempt, given);
    });
  }

  /**
   * Gives the backup as a stream. It ends with a `BackupCorruptError`, before its last bytes, where they are not the ones that
   * were stored; whoever does not read it to its end has to destroy it. Who gives the backup's manifest holds the bytes
   * against it himself: then only their number is checked here.
   *
   * @throws BackupNotFoundError
   * @throws BackupCorruptError where the length of what is stored already tells
   * @throws UnsupportedBackupError where a later version of this library stored the backup
   */
  async openRestore(
    backup: Backup,
    options: ServiceRestoreOptions = {},
  ): Promise<{ readonly stream: Readable; readonly length: number }> {
    const given = parseOptions(options);
    const { signal } = given;
    return forBackupIn(this.directory, backup, signal, 'cannot be restored', async () => {
      const stored = await openStored(this.directory, backup);
      try {
        await assertLength(stored);
        throwIfAborted(signal);
      } catch (error) {
        await stored.handle.close();
        throw error;
      }
      const stream = new ChunkReadable(new StoredChunks(stored, given), { signal });
      return { stream, length: stored.record.streamBytes };
    });
  }
}

/** A chunk is only valid until the next one is asked for. */
async function* chunksOf(stored: OpenedBackup): AsyncGenerator<Uint8Array> {
  await assertLength(stored);
  const chunks = new FileChunks(stored.handle);
  try {
    for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) {
      yield chunk;
      chunks.release(chunk);
    }
  } finally {
    await chunks.close();
  }
}

async function assertLength({ record, handle }: OpenedBackup): Promise<void> {
  checkStream(record, { streamBytes: (await handle.stat()).size });
}

async function openForeignTarget(path: string, stored: OpenedBackup): Promise<FileHandle> {
  const target = await openTarget(path);
  try {
    const [own, other] = [await stored.handle.stat(), await target.stat()];
    if (own.dev === other.dev && own.ino === other.ino) {
      throw new InvalidInputError('file.path', 'must not be the data of the backup itself');
    }
    return target;
  } catch (error) {
    await target.close();
    throw error;
  }
}
