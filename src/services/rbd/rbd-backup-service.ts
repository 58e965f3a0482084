import type { Readable } from 'node:stream';
import * as z from 'zod';
import { BackupCorruptError, BackupNotFoundError, throwIfAborted } from '../../errors/index.js';
import type { Backup } from '../../model/backup.js';
import { type BackupManifest, parseBackupManifest } from '../../model/backup-manifest.js';
import { parseInput } from '../../parse-input.js';
import { newAttemptName } from '../../stores/file/attempt-name.js';
import { processState } from '../../stores/file/process-state.js';
import { defaultStallTimeoutMs } from '../../stores/http/stall-timer.js';
import { timeLimitSchema } from '../../time-limit.js';
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
import { listOne } from '../list-one.js';
import type { ListOptions, StoredBackup, UnreadableBackup } from '../listed-backup.js';
import { fileSchema, parseListOptions, parseOptions, pathSchema, volumeIdSchema } from '../parse-arguments.js';
import { assertRecordOf } from '../record-shape.js';
import type { HashedSource } from '../staged-file.js';
import { storeFile } from '../store-file.js';
import { VerifiedStream } from '../verified-stream.js';
import { fillFile } from '../volume-file.js';
import { type BackupImage, backupsAmong, temporaryImage } from './image-names.js';
import { type ImageRecord, readRecord } from './image-record.js';
import { Rbd } from './rbd.js';
import { RbdAttempt, removeImage } from './rbd-attempt.js';
import { sweep } from './sweep.js';

/** How an {@link RbdBackupService} is set up. */
export interface RbdBackupServiceOptions {
  /** The pool, which must exist. */
  readonly pool: string;
  /** A namespace of the pool. Default: none. */
  readonly namespace?: string | undefined;
  /** Path of Ceph's configuration. Default: Ceph's own. */
  readonly conf?: string | undefined;
  /** Ceph's user, without `client.`. Default: `admin`. */
  readonly id?: string | undefined;
  /** Path of the file with the user's key. Default: what the configuration says. */
  readonly keyring?: string | undefined;
  /** Name or path of the program. Default: `rbd`. */
  readonly program?: string | undefined;
  /** How long the program may neither take nor give a byte, in milliseconds, 24 days at the most. Default: 120,000. */
  readonly stallTimeoutMs?: number | undefined;
}

/** What may stand in an argument that names a thing of Ceph's. */
const name = z.string().regex(/^[^/@\s-][^/@\p{Cc}]*$/u, 'must be a name, without / and @');
const optionsSchema = z.strictObject({
  pool: name,
  namespace: name.optional(),
  conf: pathSchema.optional(),
  id: name.optional(),
  keyring: pathSchema.optional(),
  program: pathSchema.optional(),
  stallTimeoutMs: timeLimitSchema.optional(),
});

/**
 * Keeps each backup as an image of a Ceph pool, by the `rbd` program.
 *
 * A stream is imported under a temporary name; the image's size is compared, its record kept with it, and then it is renamed: a reader
 * sees the old backup or the new one, whole, whenever a process dies. A backup that is replaced stays a day longer, for whoever reads it.
 *
 * All methods reject with an `AbortError` once their `signal` is aborted, with an `InvalidInputError` for arguments they do not take, and
 * with a `StoreError` where `rbd` fails.
 */
export class RbdBackupService implements BackupService {
  readonly #rbd: Rbd;
  readonly #hourlySweep = new HourlySweep((signal) => sweep(this.#rbd, signal));

  /** @throws InvalidInputError naming the option at fault */
  constructor(options: RbdBackupServiceOptions) {
    const {
      program = 'rbd',
      stallTimeoutMs = defaultStallTimeoutMs,
      ...cluster
    } = parseInput('options', optionsSchema, options);
    this.#rbd = new Rbd({ ...cluster, program, stallTimeoutMs });
  }

  /**
   * Stores the file's bytes. A manifest that is given is kept, and has to be of these bytes.
   *
   * @throws BackupCorruptError where the manifest tells of other bytes than the file holds
   */
  async backup(backup: Backup, file: VolumeFile, options: ServiceBackupOptions = {}): Promise<void> {
    const given = parseOptions(options);
    const { path: from } = parseInput('file', fileSchema, file);
    await forBackup(backup, given.signal, 'cannot be stored', () =>
      storeFile(from, given, (source) => this.#begin(backup, source, given.signal)),
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
    const { path: to } = parseInput('file', fileSchema, file);
    await forBackup(backup, given.signal, 'cannot be restored', async (key) => {
      const { image, record } = await this.#find(backup, key, given.signal);
      await fillFile(to, this.#rbd.export(image.name, given.signal), record, given);
    });
  }

  /** Removes the backup, and what it replaced. Resolves where there is no such backup. */
  async delete(backup: Backup, options: ServiceOptions = {}): Promise<void> {
    const { signal } = parseOptions(options);
    await forBackup(backup, signal, 'cannot be deleted', async (key) => {
      const images = backupsAmong(await this.#rbd.list(signal)).get(key) ?? [];
      // The oldest first: a process that dies meanwhile must not leave one that was replaced as the backup.
      for (const { name: image } of images.reverse()) await this.#removeBackup(key, image, signal);
    });
  }

  /**
   * The backups that are there. One whose record is damaged, or of a later version, is listed with its error.
   */
  async *list(options: ListOptions = {}): AsyncGenerator<StoredBackup | UnreadableBackup, void, undefined> {
    const given = parseListOptions(options);
    const { signal } = given;
    throwIfAborted(signal);
    for (const [key, [image]] of backupsAmong(await this.#rbd.list(signal))) {
      throwIfAborted(signal);
      const listed = image && (await listOne(key, () => readRecord(this.#rbd, image, signal), given));
      if (listed !== undefined) yield listed;
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
    return forBackup(backup, signal, 'cannot be read', async (key) => {
      const found = await this.#lookUp(backup, key, signal);
      return found?.record.manifest === undefined ? undefined : parseBackupManifest(found.record.manifest);
    });
  }

  /** Takes the backup as a stream. Whatever fails ends the writer and leaves nothing behind. */
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
      const { image, record } = await this.#find(backup, key, given.signal);
      const open = (signal: AbortSignal) => this.#rbd.export(image.name, signal);
      return { stream: new VerifiedStream(open, record, given), length: record.streamBytes };
    });
  }

  /**
   * Removes what attempts of dead processes left, and backups that were replaced a day ago. It runs by itself before a backup is stored,
   * at most once an hour.
   *
   * @returns how many images are gone by it, or by another sweep at the same time
   * @throws StoreError where it cannot look, or, once the others were tried, where one cannot be removed
   */
  async sweep(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<number> {
    const { signal } = parseOptions(options);
    throwIfAborted(signal);
    return sweep(this.#rbd, signal);
  }

  async #begin(backup: Backup, source: HashedSource | undefined, signal: AbortSignal | undefined): Promise<RbdAttempt> {
    await this.#hourlySweep.run(signal);
    return new RbdAttempt(this.#rbd, backup, source, signal);
  }

  /** Renamed first: an image that is half removed must not be taken for a backup. */
  async #removeBackup(key: string, image: string, signal: AbortSignal | undefined): Promise<void> {
    const attempt = newAttemptName();
    processState.attempts.add(attempt);
    try {
      const removed = temporaryImage(key, attempt);
      if (await this.#rbd.rename(image, removed, signal)) await removeImage(this.#rbd, removed, signal);
    } finally {
      processState.attempts.delete(attempt);
    }
  }

  async #lookUp(
    backup: Backup,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly image: BackupImage; readonly record: ImageRecord } | undefined> {
    const [image] = backupsAmong(await this.#rbd.list(signal)).get(key) ?? [];
    if (image === undefined) return undefined;
    const record = await readRecord(this.#rbd, image, signal);
    if (record === undefined) return undefined;
    assertRecordOf(backup, record);
    return { image, record };
  }

  async #find(backup: Backup, key: string, signal: AbortSignal | undefined) {
    const found = await this.#lookUp(backup, key, signal);
    if (found === undefined) throw new BackupNotFoundError(`there is no backup ${backup.id}`);
    const info = await this.#rbd.info(found.image.name, signal);
    if (info !== undefined && info.size !== found.record.streamBytes) {
      throw new BackupCorruptError(
        `backup ${backup.id}: ${found.record.streamBytes} bytes were stored, and ${info.size} are there`,
      );
    }
    return found;
  }
}
