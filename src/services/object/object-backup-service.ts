import type { Readable } from 'node:stream';
import * as z from 'zod';
import { BackupNotFoundError, throwIfAborted } from '../../errors/index.js';
import type { Backup } from '../../model/backup.js';
import { type BackupManifest, parseBackupManifest } from '../../model/backup-manifest.js';
import { parseInput } from '../../parse-input.js';
import { objectStoreSchema } from '../../stores/guard-object-store.js';
import type { ObjectStore } from '../../stores/object-store.js';
import { AttemptWriter } from '../attempt-writer.js';
import type {
  BackupService,
  BackupWriter,
  ServiceBackupOptions,
  ServiceOptions,
  ServiceRestoreOptions,
  VolumeFile,
} from '../backup-service.js';
import { forBackup } from '../for-backup.js';
import { HourlySweep } from '../hourly-sweep.js';
import type { ListOptions, StoredBackup, UnreadableBackup } from '../listed-backup.js';
import { fileSchema, parseListOptions, parseOptions, volumeIdSchema } from '../parse-arguments.js';
import { assertRecordOf } from '../record-shape.js';
import type { HashedSource } from '../staged-file.js';
import { storeFile } from '../store-file.js';
import { VerifiedStream } from '../verified-stream.js';
import { fillFile } from '../volume-file.js';
import { deleteBackup } from './delete-backup.js';
import { listRecords } from './list-records.js';
import { ObjectAttempt } from './object-attempt.js';
import { type ObjectRecord, readRecord } from './object-record.js';
import { readSegments } from './read-segments.js';
import { defaultSegmentBytes } from './segment-uploads.js';
import { sweep } from './sweep.js';

/** How an {@link ObjectBackupService} is set up. */
export interface ObjectBackupServiceOptions {
  /** Where the objects go. The service wants a prefix of its own there. */
  readonly store: ObjectStore;
  /** @internal */
  readonly segmentBytes?: number | undefined;
}

const optionsSchema = z.strictObject({ store: objectStoreSchema, segmentBytes: z.int().positive().optional() });

/**
 * Keeps backups in an object store: each as segments of 16 MiB, which make the plain stream when they are put together, and a record,
 * put last, that makes them a backup.
 *
 * A reader sees the old backup or the new one, whole, whenever a process dies, and any number of processes may use the store at once.
 * What a dead process left, and the segments of backups that were replaced, are removed a day later by whoever stores a backup then, or
 * by {@link sweep}.
 *
 * All methods reject with an `AbortError` once their `signal` is aborted, with an `InvalidInputError` for arguments they do not take, and
 * with the store's `StoreError`.
 */
export class ObjectBackupService implements BackupService {
  readonly #store: ObjectStore;
  readonly #segmentBytes: number;
  readonly #hourlySweep = new HourlySweep((signal) => sweep(this.#store, signal));

  /** @throws InvalidInputError naming the option at fault */
  constructor(options: ObjectBackupServiceOptions) {
    const { store, segmentBytes = defaultSegmentBytes } = parseInput('options', optionsSchema, options);
    this.#store = store;
    this.#segmentBytes = segmentBytes;
  }

  /**
   * Stores the file's bytes. A manifest that is given is kept, and has to be of these bytes.
   *
   * @throws BackupCorruptError where the manifest tells of other bytes than the file holds
   */
  async backup(backup: Backup, file: VolumeFile, options: ServiceBackupOptions = {}): Promise<void> {
    const given = parseOptions(options);
    const { path } = parseInput('file', fileSchema, file);
    await forBackup(backup, given.signal, 'cannot be stored', () =>
      storeFile(path, given, (source) => this.#begin(backup, source, given.signal)),
    );
  }

  /**
   * Writes the backup's bytes into the file, whatever it held, and makes them durable.
   *
   * Where it fails after the backup was found, the file is left empty.
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
    parseInput('volumeId', volumeIdSchema, volumeId);
    const { path } = parseInput('file', fileSchema, file);
    await forBackup(backup, given.signal, 'cannot be restored', async (key) => {
      const record = await this.#find(backup, key, given.signal);
      await fillFile(path, readSegments(this.#store, key, record, given.signal), record, given);
    });
  }

  /**
   * Removes the backup. A restore that has begun fails. Resolves where there is no such backup.
   *
   * Where it rejects because a part of the data could not be removed, the backup is gone all the same; a sweep removes the rest.
   */
  async delete(backup: Backup, options: ServiceOptions = {}): Promise<void> {
    const { signal } = parseOptions(options);
    await forBackup(backup, signal, 'cannot be deleted', (key) => deleteBackup(this.#store, key, signal));
  }

  /**
   * The backups that are there, in the order of their ids. One whose record is damaged, or of a later version, is listed with its
   * error.
   */
  async *list(options: ListOptions = {}): AsyncGenerator<StoredBackup | UnreadableBackup, void, undefined> {
    const given = parseListOptions(options);
    throwIfAborted(given.signal);
    yield* listRecords(this.#store, given);
  }

  /**
   * The manifest that was stored with the backup; undefined where none was, or there is no such backup.
   *
   * @throws UnsupportedBackupError where record or manifest are of another version
   * @throws BackupCorruptError where the record is damaged
   */
  async readManifest(backup: Backup, options: ServiceOptions = {}): Promise<BackupManifest | undefined> {
    const { signal } = parseOptions(options);
    return forBackup(backup, signal, 'cannot be read', async (key) => {
      const record = await readRecord(this.#store, key, signal);
      if (record === undefined) return undefined;
      assertRecordOf(backup, record);
      return record.manifest === undefined ? undefined : parseBackupManifest(record.manifest);
    });
  }

  /** Takes the backup as a stream. Whatever fails ends the writer. */
  async openBackup(backup: Backup, options: ServiceOptions = {}): Promise<BackupWriter> {
    const given = parseOptions(options);
    return forBackup(
      backup,
      given.signal,
      'cannot be stored',
      async () => new AttemptWriter(await this.#begin(backup, undefined, given.signal), given),
    );
  }

  /**
   * Gives the backup as a stream. It ends with a `BackupCorruptError`, before its last bytes, where they are not the ones that
   * were stored.
   *
   * @throws BackupNotFoundError
   * @throws UnsupportedBackupError where a later version of this library stored the backup
   */
  async openRestore(
    backup: Backup,
    options: ServiceRestoreOptions = {},
  ): Promise<{ readonly stream: Readable; readonly length: number }> {
    const given = parseOptions(options);
    return forBackup(backup, given.signal, 'cannot be restored', async (key) => {
      const record = await this.#find(backup, key, given.signal);
      const open = (signal: AbortSignal) => readSegments(this.#store, key, record, signal);
      return { stream: new VerifiedStream(open, record, given), length: record.streamBytes };
    });
  }

  /**
   * Removes what attempts left that have put nothing for a day, by the store's clock, and the data of backups that were replaced before
   * that. It runs by itself before a backup is stored, at most once an hour.
   *
   * @returns how many attempts it removed
   * @throws StoreError where it cannot look, or, once the others were tried, where one cannot be removed
   */
  async sweep(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<number> {
    const { signal } = parseOptions(options);
    throwIfAborted(signal);
    return sweep(this.#store, signal);
  }

  async #begin(
    backup: Backup,
    source: HashedSource | undefined,
    signal: AbortSignal | undefined,
  ): Promise<ObjectAttempt> {
    await this.#hourlySweep.run(signal);
    return ObjectAttempt.begin(this.#store, backup, this.#segmentBytes, source, signal);
  }

  async #find(backup: Backup, key: string, signal: AbortSignal | undefined): Promise<ObjectRecord> {
    const record = await readRecord(this.#store, key, signal);
    if (record === undefined) throw new BackupNotFoundError(`there is no backup ${backup.id}`);
    assertRecordOf(backup, record);
    return record;
  }
}
