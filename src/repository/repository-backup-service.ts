import type { Readable } from 'node:stream';
import * as z from 'zod';
import { BackupNotFoundError, InvalidInputError, StoreError, throwIfAborted } from '../errors/index.js';
import type { Backup } from '../model/backup.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import { parseInput } from '../parse-input.js';
import { quietly } from '../quietly.js';
import { AttemptWriter } from '../services/attempt-writer.js';
import type {
  BackupService,
  BackupWriter,
  ServiceBackupOptions,
  ServiceOptions,
  VolumeFile,
} from '../services/backup-service.js';
import type { WrittenStream } from '../services/hashing-writer.js';
import type { ListOptions, UnreadableBackup } from '../services/listed-backup.js';
import { fileSchema, parseListOptions, parseOptions } from '../services/parse-arguments.js';
import { asServiceError } from '../services/service-error.js';
import { storeFile } from '../services/store-file.js';
import { objectStoreSchema } from '../stores/guard-object-store.js';
import type { ObjectStore } from '../stores/object-store.js';
import { ChunkReadable } from '../stream/chunk-readable.js';
import { pour } from '../stream/pour.js';
import { untilAborted } from '../until-aborted.js';
import { applyRetention, type RetentionOptions, retentionOptionsSchema } from './care/apply-retention.js';
import {
  collectGarbage,
  type GarbageOptions,
  garbageOptionsSchema,
  type GarbageReport,
} from './care/collect-garbage.js';
import { deleteBackup } from './care/delete-backup.js';
import { policySchema, type RetentionDecision, type RetentionPolicy } from './care/retention.js';
import { type VerifyOptions, verifyOptionsSchema, type VerifyReport, verifyRepository } from './care/verify.js';
import type { BackupRecord } from './format/record.js';
import { createRepository, openRepository, rewrapKey } from './open-repository.js';
import { BackupChunks } from './read/backup-chunks.js';
import { fillFile } from './read/fill-file.js';
import { listBackups, type RepositoryBackup } from './read/list-backups.js';
import { findRecord, readRoot, type Repository } from './repository.js';
import { encryptionSchema, type RepositoryEncryption } from './vault/key-ring.js';
import { type CommitResult, RepositoryWriter } from './write/repository-writer.js';

/** How a {@link RepositoryBackupService} is set up. */
export interface RepositoryBackupServiceOptions {
  /** Where the repository lies. */
  readonly store: ObjectStore;
  /** What encrypts it. Default: it is not encrypted. */
  readonly encryption?: RepositoryEncryption | undefined;
  /** The length a pack of grains is put at, in bytes. Default 16 MiB. A backup that comes to more than some six million packs is refused. */
  readonly packBytes?: number | undefined;
  /** How many packs of one backup are put at once. Default 3. */
  readonly concurrency?: number | undefined;
  /** For how many days all that a backup needs is locked, where the store can do that. Default: nothing is. */
  readonly retainDays?: number | undefined;
}

const optionsSchema = z.strictObject({
  store: objectStoreSchema,
  encryption: encryptionSchema.optional(),
  packBytes: z
    .int()
    .min(64 * 1024)
    .max(64 * 1024 * 1024)
    .default(16 * 1024 * 1024),
  concurrency: z.int().min(1).max(16).default(3),
  retainDays: z.number().positive().optional(),
});

const backupSchema = z.looseObject({ id: z.string().min(1).max(255), volumeId: z.string().min(1).max(255) });
/** How long it may take to open a repository, in milliseconds. Whoever waits for it can be aborted before. */
const openLimitMs = 5 * 60_000;

/**
 * Backups of many volumes in one repository, each grain of a volume stored once: a backup after a small change stores
 * little more than what changed. Every backup is whole by itself; deleting one never touches another.
 *
 * A repository is created by {@link initialize}, and by nothing else. Any number of processes may use one at once, without
 * locks. All methods reject with an `AbortError` once their `signal` is aborted, and with a `StoreError` where the store fails.
 */
export class RepositoryBackupService implements BackupService {
  readonly #options: z.infer<typeof optionsSchema>;
  #repository: Promise<Repository> | undefined;

  /** @throws InvalidInputError naming the option at fault */
  constructor(options: RepositoryBackupServiceOptions) {
    this.#options = parseInput('options', optionsSchema, options);
    const { store, retainDays } = this.#options;
    if (retainDays !== undefined && store.capabilities?.retention !== true) {
      throw new InvalidInputError('options.retainDays', 'is given for a store that cannot lock objects');
    }
  }

  /**
   * Creates the repository, unless there is one.
   *
   * @returns whether it was created
   * @throws WrongKeyError, InvalidInputError where the one that is there cannot be opened with these options
   */
  async initialize(options: ServiceOptions = {}): Promise<{ readonly created: boolean }> {
    const { signal } = parseOptions(options);
    throwIfAborted(signal);
    return createRepository(this.#options.store, this.#options.encryption, signal);
  }

  /** Stores a file's stream. It is read once. */
  async backup(backup: Backup, file: VolumeFile, options: ServiceBackupOptions = {}): Promise<CommitResult> {
    const named = parseInput('backup', backupSchema, backup);
    const { path } = parseInput('file', fileSchema, file);
    const given = parseOptions(options);
    let result: CommitResult | undefined;
    try {
      await storeFile(path, given, async (source) => {
        const writer = await this.#begin(named, given.signal, source?.stream);
        return {
          write: (chunk) => writer.write(chunk),
          commit: async (manifest) => {
            result = await writer.commit(manifest);
          },
          discard: () => writer.abort(),
        };
      });
    } catch (error) {
      throwIfAborted(given.signal);
      throw asServiceError(error, `backup ${named.id} cannot be stored`);
    }
    if (result === undefined) throw new Error('a backup was stored without its commit');
    return result;
  }

  /**
   * Takes the backup as a stream. Whatever fails ends the writer.
   *
   * @throws StoreError where the repository that was opened is not there any more
   */
  async openBackup(backup: Backup, options: ServiceOptions = {}): Promise<BackupWriter> {
    const named = parseInput('backup', backupSchema, backup);
    const given = parseOptions(options);
    const writer = await this.#begin(named, given.signal);
    return new AttemptWriter(
      {
        write: (chunk) => writer.write(chunk),
        commit: (manifest) => writer.commit(manifest),
        discard: () => writer.abort(),
        interrupt: () => {
          writer.interrupt();
        },
      },
      given,
    );
  }

  /**
   * Writes a backup's stream into the file.
   *
   * @throws BackupNotFoundError, RepositoryDamagedError, WrongKeyError
   */
  async restore(backup: Backup, _volumeId: string, file: VolumeFile, options: ServiceOptions = {}): Promise<void> {
    const named = parseInput('backup', backupSchema, backup);
    const { path } = parseInput('file', fileSchema, file);
    const given = parseOptions(options);
    const { signal = new AbortController().signal, onProgress } = given;
    const { chunks, record } = await this.#openStored(named, signal);
    try {
      await fillFile(path, chunks, { bytesTotal: record.streamBytes, onProgress, signal });
    } catch (error) {
      throwIfAborted(signal);
      throw asServiceError(error, `backup ${named.id} cannot be restored`);
    }
  }

  /** @throws BackupNotFoundError, RepositoryDamagedError, WrongKeyError */
  async openRestore(
    backup: Backup,
    options: ServiceOptions = {},
  ): Promise<{ readonly stream: Readable; readonly length: number }> {
    const named = parseInput('backup', backupSchema, backup);
    const { signal } = parseOptions(options);
    const { chunks, record } = await this.#openStored(named, signal);
    return { stream: new ChunkReadable(chunks, { signal }), length: record.streamBytes };
  }

  /** Deletes a backup. What only it needed is garbage from then on. */
  async delete(backup: Backup, options: ServiceOptions = {}): Promise<void> {
    const named = parseInput('backup', backupSchema, backup);
    const { signal } = parseOptions(options);
    await deleteBackup(await this.#open(signal), named, signal);
  }

  async readManifest(backup: Backup, options: ServiceOptions = {}): Promise<BackupManifest | undefined> {
    const named = parseInput('backup', backupSchema, backup);
    const { signal } = parseOptions(options);
    const record = await findRecord(await this.#open(signal), named, signal);
    return record?.manifest;
  }

  async *list(options: ListOptions = {}): AsyncGenerator<RepositoryBackup | UnreadableBackup, void, undefined> {
    const given = parseListOptions(options);
    yield* listBackups(await this.#open(given.signal), given);
  }

  /**
   * Deletes the backups that no rule keeps, volume by volume. One that cannot be read is left alone.
   *
   * @throws InvalidInputError where the policy has no rule besides `pinned`
   */
  async applyRetention(policy: RetentionPolicy, options: RetentionOptions = {}): Promise<RetentionDecision[]> {
    const rules = parseInput('policy', policySchema, policy);
    const given = parseInput('options', retentionOptionsSchema, options);
    return applyRetention(await this.#open(given.signal), rules, given);
  }

  /**
   * Deletes what no backup needs any more: it is marked by one run, and deleted by one that comes a grace later.
   *
   * @throws RepositoryDamagedError, WrongKeyError where a backup cannot be read; then nothing is deleted
   */
  async collectGarbage(options: GarbageOptions = {}): Promise<GarbageReport> {
    const given = parseInput('options', garbageOptionsSchema, options);
    return this.#withOpened(given.signal, (repository) => collectGarbage(repository, given));
  }

  /**
   * Verifies the repository, and goes on at each damage, so that all of it is told.
   *
   * @throws StoreError where it does not lie there any more
   */
  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    const given = parseInput('options', verifyOptionsSchema, options);
    return this.#withOpened(given.signal, (repository) => verifyRepository(repository, given));
  }

  /**
   * Copies a backup into another repository, where its grains are stored once with those of the volume's other backups.
   *
   * @throws BackupCorruptError where its manifest is not of its stream
   */
  async copyTo(other: RepositoryBackupService, backup: Backup, options: ServiceOptions = {}): Promise<void> {
    const target = parseInput('other', z.instanceof(RepositoryBackupService), other);
    const named = parseInput('backup', backupSchema, backup);
    const { signal = new AbortController().signal, onProgress } = parseOptions(options);
    const { chunks, record } = await this.#openStored(named, signal);
    const writer = await target.#begin(named, signal);
    const report = quietly(onProgress);
    let bytesDone = 0;
    const write = async (chunk: Uint8Array): Promise<void> => {
      const { length } = chunk;
      await writer.write(chunk);
      bytesDone += length;
      report?.({ bytesDone, bytesTotal: record.streamBytes });
    };
    try {
      await pour(chunks, { write, isDoneWithChunks: true }, signal);
      await writer.commit(record.manifest);
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  /**
   * Wraps the repository's key anew, by another passphrase or other functions, and removes the one that opened it. Services that are
   * open go on; to open the repository, one with the new `encryption` is needed.
   *
   * @throws WrongKeyError where the repository cannot be opened as it is, or could not be by what is given; then nothing has changed
   * @throws StoreError where the old key could not be removed, since it is locked for example: then both open the repository
   */
  async rewrapKey(encryption: RepositoryEncryption, options: ServiceOptions = {}): Promise<void> {
    const next = parseInput('encryption', encryptionSchema, encryption);
    const { signal } = parseOptions(options);
    throwIfAborted(signal);
    const { store, encryption: current } = this.#options;
    if (current === undefined) throw new InvalidInputError('options.encryption', 'the repository is not encrypted');
    await rewrapKey(store, current, next, signal);
  }

  /** A backup's bytes and its record, which belong together: another backup of the same id may take its place at any time. */
  async #openStored(
    backup: Backup,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly chunks: BackupChunks; readonly record: BackupRecord }> {
    const repository = await this.#open(signal);
    const record = await findRecord(repository, backup, signal);
    if (record === undefined)
      throw new BackupNotFoundError(`there is no backup ${backup.id} of volume ${backup.volumeId}`);
    const root = await readRoot(repository, record, signal);
    return { chunks: new BackupChunks(repository, root, record.streamBytes, signal), record };
  }

  async #begin(backup: Backup, signal: AbortSignal | undefined, hashed?: WrittenStream): Promise<RepositoryWriter> {
    return this.#withOpened(signal, (repository) => RepositoryWriter.begin(repository, backup, signal, hashed));
  }

  /** What turns out not to be there any more is opened anew by the next call. */
  async #withOpened<T>(signal: AbortSignal | undefined, use: (repository: Repository) => Promise<T>): Promise<T> {
    const repository = await this.#open(signal);
    try {
      return await use(repository);
    } catch (error) {
      if (error instanceof StoreError && error.reason === 'no-container') this.#repository = undefined;
      throw error;
    }
  }

  /** Opened once for all; an attempt that fails is not kept. Each waits for it no longer than its own signal allows. */
  async #open(signal: AbortSignal | undefined): Promise<Repository> {
    throwIfAborted(signal);
    const opening = (this.#repository ??= this.#openInTime());
    opening.catch(() => {
      if (this.#repository === opening) this.#repository = undefined;
    });
    return untilAborted(opening, signal);
  }

  async #openInTime(): Promise<Repository> {
    const { store, encryption, packBytes, concurrency, retainDays } = this.#options;
    const limit = AbortSignal.timeout(openLimitMs);
    try {
      // All calls wait for it: who does not hear of the limit is left behind.
      const opened = await untilAborted(openRepository(store, encryption, limit), limit);
      return { store, ...opened, packBytes, concurrency, retainDays };
    } catch (error) {
      if (!limit.aborted) throw error;
      throw new StoreError('stalled', 'the repository could not be opened: its store or key service does not answer', {
        cause: error,
      });
    }
  }
}
