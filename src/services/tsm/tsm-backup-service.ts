import { truncate } from 'node:fs/promises';
import { resolve } from 'node:path';
import * as z from 'zod';
import { BackupCorruptError, BackupNotFoundError, throwIfAborted } from '../../errors/index.js';
import type { Backup } from '../../model/backup.js';
import { type BackupManifest, parseBackupManifest } from '../../model/backup-manifest.js';
import { parseInput } from '../../parse-input.js';
import { quietly } from '../../quietly.js';
import { defaultStallTimeoutMs } from '../../stores/http/stall-timer.js';
import { timeLimitSchema } from '../../time-limit.js';
import type {
  BackupService,
  ServiceBackupOptions,
  ServiceOptions,
  ServiceRestoreOptions,
  VolumeFile,
} from '../backup-service.js';
import { forBackupIn } from '../for-backup.js';
import { HourlySweep } from '../hourly-sweep.js';
import { listOne } from '../list-one.js';
import type { ListOptions, StoredBackup, UnreadableBackup } from '../listed-backup.js';
import { fileSchema, parseListOptions, parseOptions, pathSchema, volumeIdSchema } from '../parse-arguments.js';
import { assertRecordOf, isChecked } from '../record-shape.js';
import { storeFile } from '../store-file.js';
import { openTarget } from '../volume-file.js';
import { type ArchiveName, dataOf } from './archive-names.js';
import { checkFile } from './check-file.js';
import { Dsmc } from './dsmc.js';
import { hasSize } from './query-output.js';
import { type ArchiveRecord, dataAmong, readRecord, recordsAmong, retrieveRecord } from './stored-records.js';
import { sweep } from './sweep.js';
import { inTemporaryDirectory } from './temporary-directory.js';
import { TsmAttempt } from './tsm-attempt.js';

/** How a {@link TsmBackupService} is set up. */
export interface TsmBackupServiceOptions {
  /**
   * A directory of this machine for the service alone, absolute or relative to the working directory of now; made where it is not there.
   * The server keeps backups under its path: where they are to be restored on another machine, it has to be the same there. A volume's
   * file is in it while it is archived, by a link where both are on one file system, else as a copy.
   */
  readonly directory: string;
  /** The server's stanza in the client's options (`-se`). Default: the one they name. */
  readonly server?: string | undefined;
  /** Path of the client's options file (`-optfile`). Default: the client's own. */
  readonly optionFile?: string | undefined;
  /** Name or path of the program. Default: `dsmc`. */
  readonly program?: string | undefined;
  /**
   * How long the program may neither say anything nor move a byte, in milliseconds, 24 days at the most. It says nothing while it sends a
   * file: what it moves is what Linux counts; on another system it is never taken for stalled. Default: 120,000.
   */
  readonly stallTimeoutMs?: number | undefined;
}

const optionsSchema = z.strictObject({
  // The program would take them for patterns, and braces for a file space.
  directory: pathSchema.regex(/^[^*?{}"'\p{Cc}]*$/u, 'must not hold *, ?, braces or quotation marks'),
  server: z
    .string()
    .regex(/^[^\s-]\S*$/, 'must be the name of a stanza')
    .optional(),
  optionFile: pathSchema.optional(),
  program: pathSchema.optional(),
  stallTimeoutMs: timeLimitSchema.optional(),
});

/**
 * Keeps each backup as archive copies of an IBM Storage Protect (TSM) server, by its client `dsmc`.
 *
 * A backup is two copies: the stream, and its record, which is archived once the server was asked whether it has all of the stream. So a
 * reader sees the old backup or the new one, whole, whenever a process dies. A backup that is replaced stays a day longer, for whoever reads
 * it. Length and SHA-256 are checked by every restore: that the program ended well does not tell.
 *
 * It takes and gives files: the client reads and writes nothing else.
 *
 * The client's password is never an argument: `PASSWORDACCESS GENERATE` has it stored by the client itself. Nothing can be asked for on
 * standard input.
 *
 * All methods reject with an `AbortError` once their `signal` is aborted, with an `InvalidInputError` for arguments they do not take, and
 * with a `StoreError` where `dsmc` fails.
 */
export class TsmBackupService implements BackupService {
  readonly #dsmc: Dsmc;
  readonly #hourlySweep = new HourlySweep((signal) => sweep(this.#dsmc, signal));

  /** @throws InvalidInputError naming the option at fault */
  constructor(options: TsmBackupServiceOptions) {
    const {
      directory,
      program = 'dsmc',
      stallTimeoutMs = defaultStallTimeoutMs,
      ...server
    } = parseInput('options', optionsSchema, options);
    this.#dsmc = new Dsmc({ directory: resolve(directory), program, stallTimeoutMs, ...server });
  }

  /**
   * Stores the file's bytes. A manifest that is given is kept, and has to be of these bytes.
   *
   * @throws BackupCorruptError where the manifest tells of other bytes than the file holds
   */
  async backup(backup: Backup, file: VolumeFile, options: ServiceBackupOptions = {}): Promise<void> {
    const given = parseOptions(options);
    const { path: from } = parseInput('file', fileSchema, file);
    await forBackupIn(this.#dsmc.directory, backup, given.signal, 'cannot be stored', () =>
      storeFile(from, given, async (source) => {
        await this.#hourlySweep.run(given.signal);
        return TsmAttempt.begin(this.#dsmc, backup, source);
      }),
    );
  }

  /**
   * Writes the backup's bytes into the file, whatever it held, and makes them durable.
   *
   * Where it fails after the backup was found, the file is left empty. Who gives the backup's manifest holds the bytes against it himself:
   * then only their number is checked here.
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
    const { manifest, signal, onProgress } = parseOptions(options);
    parseInput('volumeId', volumeIdSchema, volumeId);
    const { path: to } = parseInput('file', fileSchema, file);
    await forBackupIn(this.#dsmc.directory, backup, signal, 'cannot be restored', async (key) => {
      const { data, record } = await this.#find(backup, key, signal);
      const bytesTotal = record.streamBytes;
      await (await openTarget(to)).close();
      try {
        if (!(await this.#dsmc.retrieve(data, resolve(to), signal))) {
          throw new BackupCorruptError(`the data of backup ${backup.id} is missing`);
        }
        await checkFile(to, record, { isHashed: !isChecked(record, manifest), signal });
        quietly(onProgress)?.({ bytesDone: bytesTotal, bytesTotal });
      } catch (error) {
        await truncate(to, 0).catch(() => undefined);
        throw error;
      }
    });
  }

  /** Removes the backup, and what it replaced. Resolves where there is no such backup. */
  async delete(backup: Backup, options: ServiceOptions = {}): Promise<void> {
    const { signal } = parseOptions(options);
    await forBackupIn(this.#dsmc.directory, backup, signal, 'cannot be deleted', async (key) => {
      const records = recordsAmong(await this.#dsmc.query(`${key}.*`, signal)).get(key) ?? [];
      // The oldest first: a process that dies meanwhile must not leave one that was replaced as the backup.
      for (const record of records.reverse()) {
        await this.#dsmc.delete(record, signal);
        await this.#dsmc.delete(dataOf(record), signal);
      }
    });
  }

  /**
   * The backups that are there. One whose record is damaged, or of a later version, is listed with its error.
   */
  async *list(options: ListOptions = {}): AsyncGenerator<StoredBackup | UnreadableBackup, void, undefined> {
    const given = parseListOptions(options);
    throwIfAborted(given.signal);
    for (const listed of await this.#listed(given)) {
      throwIfAborted(given.signal);
      yield listed;
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
    return forBackupIn(this.#dsmc.directory, backup, signal, 'cannot be read', async (key) => {
      const found = await this.#lookUp(backup, key, signal);
      return found?.record.manifest === undefined ? undefined : parseBackupManifest(found.record.manifest);
    });
  }

  /**
   * Removes what attempts of dead processes left, and backups that were replaced a day ago. It runs by itself before a backup is stored,
   * at most once an hour.
   *
   * @returns how many archived files are gone by it, or by another sweep at the same time
   * @throws StoreError where it cannot look, or, once the others were tried, where one cannot be removed
   */
  async sweep(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<number> {
    const { signal } = parseOptions(options);
    throwIfAborted(signal);
    return sweep(this.#dsmc, signal);
  }

  /** All records are retrieved by one session: each takes seconds. */
  async #listed(options: ListOptions): Promise<(StoredBackup | UnreadableBackup)[]> {
    const { signal } = options;
    const backups = recordsAmong(await this.#dsmc.query('*', signal));
    if (backups.size === 0) return [];
    return inTemporaryDirectory(this.#dsmc.directory, async (directory) => {
      await this.#dsmc.retrieveAll('*.json', directory, signal);
      const listed: (StoredBackup | UnreadableBackup)[] = [];
      for (const [key, [newest]] of backups) {
        if (newest === undefined) continue;
        // One that did not come with the others may be there all the same.
        const read = async () => (await readRecord(directory, newest)) ?? retrieveRecord(this.#dsmc, newest, signal);
        const backup = await listOne(key, read, options);
        if (backup !== undefined) listed.push(backup);
      }
      return listed;
    });
  }

  async #lookUp(
    backup: Backup,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly data: ArchiveName; readonly record: ArchiveRecord } | undefined> {
    const files = await this.#dsmc.query(`${key}.*`, signal);
    const [newest] = recordsAmong(files).get(key) ?? [];
    if (newest === undefined) return undefined;
    const record = await retrieveRecord(this.#dsmc, newest, signal);
    if (record === undefined) return undefined;
    assertRecordOf(backup, record);
    const data = dataAmong(files, newest);
    if (data === undefined) throw new BackupCorruptError(`the data of backup ${backup.id} is missing`);
    if (!hasSize(data, record.streamBytes)) {
      throw new BackupCorruptError(
        `backup ${backup.id}: ${record.streamBytes} bytes were stored, and ${data.size.bytes} are there`,
      );
    }
    return { data, record };
  }

  async #find(backup: Backup, key: string, signal: AbortSignal | undefined) {
    const found = await this.#lookUp(backup, key, signal);
    if (found === undefined) throw new BackupNotFoundError(`there is no backup ${backup.id}`);
    return found;
  }
}
