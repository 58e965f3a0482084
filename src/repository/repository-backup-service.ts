import type { Readable } from 'node:stream';
import * as z from 'zod';
import { BackupNotFoundError, InvalidInputError, throwIfAborted } from '../errors/index.js';
import type { Backup } from '../model/backup.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import { parseInput } from '../parse-input.js';
import { AttemptWriter } from '../services/attempt-writer.js';
import type {
  BackupService,
  BackupWriter,
  ServiceBackupOptions,
  ServiceOptions,
  VolumeFile,
} from '../services/backup-service.js';
import type { ListOptions, UnreadableBackup } from '../services/listed-backup.js';
import { asServiceError } from '../services/service-error.js';
import { storeFile } from '../services/store-file.js';
import { objectStoreSchema } from '../stores/guard-object-store.js';
import type { ObjectStore } from '../stores/object-store.js';
import { ChunkReadable } from '../stream/chunk-readable.js';
import { pour } from '../stream/pour.js';
import { applyRetention, type RetentionOptions } from './care/apply-retention.js';
import { collectGarbage, type GarbageOptions, type GarbageReport } from './care/collect-garbage.js';
import { deleteBackup } from './care/delete-backup.js';
import { policySchema, type RetentionDecision, type RetentionPolicy } from './care/retention.js';
import { type VerifyOptions, type VerifyReport, verifyRepository } from './care/verify.js';
import type { BackupRecord } from './format/record.js';
import { createRepository, openRepository } from './open-repository.js';
import { BackupChunks } from './read/backup-chunks.js';
import { fillFile } from './read/fill-file.js';
import { listBackups, type RepositoryBackup } from './read/list-backups.js';
import { findRecord, readRoot, type Repository } from './repository.js';
import { openKey, putKey, type RepositoryEncryption } from './vault/key-ring.js';
import { type CommitResult, RepositoryWriter } from './write/repository-writer.js';

/** How a {@link RepositoryBackupService} is set up. */
export interface RepositoryBackupServiceOptions {
  /** Where the repository lies. */
  readonly store: ObjectStore;
  /** What encrypts it. Default: it is not encrypted. */
  readonly encryption?: RepositoryEncryption | undefined;
  /** The length a pack of grains is put at, in bytes. Default 16 MiB. */
  readonly packBytes?: number | undefined;
  /** How many packs of one backup are put at once. Default 3. */
  readonly concurrency?: number | undefined;
  /** For how many days all that a backup needs is locked, where the store can do that. Default: nothing is. */
  readonly retainDays?: number | undefined;
}

const optionsSchema = z.strictObject({
  store: objectStoreSchema,
  encryption: z
    .union([
      z.strictObject({ passphrase: z.string().min(1) }),
      z.strictObject({
        wrap: z.custom<(key: Uint8Array) => Promise<Uint8Array>>((value) => typeof value === 'function'),
        unwrap: z.custom<(wrapped: Uint8Array) => Promise<Uint8Array>>((value) => typeof value === 'function'),
      }),
    ])
    .optional(),
  packBytes: z
    .int()
    .min(64 * 1024)
    .max(64 * 1024 * 1024)
    .default(16 * 1024 * 1024),
  concurrency: z.int().min(1).max(16).default(3),
  retainDays: z.number().positive().optional(),
});

const backupSchema = z.looseObject({ id: z.string().min(1).max(255), volumeId: z.string().min(1).max(255) });

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
  async initialize({ signal }: ServiceOptions = {}): Promise<{ readonly created: boolean }> {
    return createRepository(this.#options.store, this.#options.encryption, signal);
  }

  /** Stores a file's stream. It is read once. */
  async backup(backup: Backup, file: VolumeFile, options: ServiceBackupOptions = {}): Promise<CommitResult> {
    const { signal } = options;
    let result: CommitResult | undefined;
    try {
      await storeFile(file.path, options, async () => {
        const writer = await this.#begin(backup, signal);
        return {
          write: (chunk) => writer.write(chunk),
          commit: async (manifest) => {
            result = await writer.commit(manifest);
          },
          discard: () => writer.abort(),
        };
      });
    } catch (error) {
      throwIfAborted(signal);
      throw asServiceError(error, `backup ${backup.id} cannot be stored`);
    }
    if (result === undefined) throw new Error('a backup was stored without its commit');
    return result;
  }

  /** Takes the backup as a stream. Whatever fails ends the writer. */
  async openBackup(backup: Backup, options: ServiceOptions = {}): Promise<BackupWriter> {
    const writer = await this.#begin(backup, options.signal);
    return new AttemptWriter(
      {
        write: (chunk) => writer.write(chunk),
        commit: (manifest) => writer.commit(manifest),
        discard: () => writer.abort(),
      },
      options,
    );
  }

  /**
   * Writes a backup's stream into the file.
   *
   * @throws BackupNotFoundError, RepositoryDamagedError, WrongKeyError
   */
  async restore(backup: Backup, _volumeId: string, file: VolumeFile, options: ServiceOptions = {}): Promise<void> {
    const { signal = new AbortController().signal, onProgress } = options;
    const { chunks, record } = await this.#openStored(backup, signal);
    try {
      await fillFile(file.path, chunks, { bytesTotal: record.streamBytes, onProgress, signal });
    } catch (error) {
      throwIfAborted(signal);
      throw asServiceError(error, `backup ${backup.id} cannot be restored`);
    }
  }

  /** @throws BackupNotFoundError, RepositoryDamagedError, WrongKeyError */
  async openRestore(
    backup: Backup,
    { signal }: ServiceOptions = {},
  ): Promise<{ readonly stream: Readable; readonly length: number }> {
    const { chunks, record } = await this.#openStored(backup, signal);
    return { stream: new ChunkReadable(chunks, { signal }), length: record.streamBytes };
  }

  /** Deletes a backup. What only it needed is garbage from then on. */
  async delete(backup: Backup, { signal }: ServiceOptions = {}): Promise<void> {
    await deleteBackup(await this.#open(signal), parseInput('backup', backupSchema, backup), signal);
  }

  async readManifest(backup: Backup, { signal }: ServiceOptions = {}): Promise<BackupManifest | undefined> {
    throwIfAborted(signal);
    const record = await findRecord(await this.#open(signal), parseInput('backup', backupSchema, backup), signal);
    return record?.manifest;
  }

  async *list(options: ListOptions = {}): AsyncGenerator<RepositoryBackup | UnreadableBackup, void, undefined> {
    yield* listBackups(await this.#open(options.signal), options);
  }

  /**
   * Deletes the backups that no rule keeps, volume by volume. One that cannot be read is left alone.
   *
   * @throws InvalidInputError where the policy has no rule besides `pinned`
   */
  async applyRetention(policy: RetentionPolicy, options: RetentionOptions = {}): Promise<RetentionDecision[]> {
    const rules = parseInput('policy', policySchema, policy);
    return applyRetention(await this.#open(options.signal), rules, options);
  }

  /**
   * Deletes what no backup needs any more: it is marked by one run, and deleted by one that comes a grace later.
   *
   * @throws RepositoryDamagedError, WrongKeyError where a backup cannot be read; then nothing is deleted
   */
  async collectGarbage(options: GarbageOptions = {}): Promise<GarbageReport> {
    return collectGarbage(await this.#open(options.signal), options);
  }

  /** Verifies the repository, and goes on at each damage, so that all of it is told. */
  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    return verifyRepository(await this.#open(options.signal), options);
  }

  /** Copies a backup into another repository, where its grains are stored once with those of the volume's other backups. */
  async copyTo(other: RepositoryBackupService, backup: Backup, options: ServiceOptions = {}): Promise<void> {
    const { signal = new AbortController().signal } = options;
    const { chunks, record } = await this.#openStored(backup, signal);
    const writer = await other.#begin(backup, signal);
    try {
      await pour(chunks, { write: (chunk) => writer.write(chunk), isDoneWithChunks: true }, signal);
      await writer.commit(record.manifest);
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  /** Wraps the repository's key anew, by another passphrase or other functions, and removes the one that opened it. */
  async rewrapKey(encryption: RepositoryEncryption, { signal }: ServiceOptions = {}): Promise<void> {
    const { store, encryption: current } = this.#options;
    if (current === undefined) throw new InvalidInputError('options.encryption', 'the repository is not encrypted');
    const { master, key } = await openKey(store, current, signal);
    await putKey(store, encryption, master, signal);
    await store.delete([key], { signal });
  }

  /** A backup's bytes and its record, which belong together: another backup of the same id may take its place at any time. */
  async #openStored(
    backup: Backup,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly chunks: BackupChunks; readonly record: BackupRecord }> {
    throwIfAborted(signal);
    const repository = await this.#open(signal);
    const record = await findRecord(repository, parseInput('backup', backupSchema, backup), signal);
    if (record === undefined)
      throw new BackupNotFoundError(`there is no backup ${backup.id} of volume ${backup.volumeId}`);
    const root = await readRoot(repository, record, signal);
    return { chunks: new BackupChunks(repository, root, record.streamBytes, signal), record };
  }

  async #begin(backup: Backup, signal: AbortSignal | undefined): Promise<RepositoryWriter> {
    throwIfAborted(signal);
    return RepositoryWriter.begin(await this.#open(signal), parseInput('backup', backupSchema, backup), signal);
  }

  /** Opened once; an attempt that fails is not kept. */
  async #open(signal: AbortSignal | undefined): Promise<Repository> {
    throwIfAborted(signal);
    const { store, encryption, packBytes, concurrency, retainDays } = this.#options;
    this.#repository ??= openRepository(store, encryption, undefined).then((vault) => ({
      store,
      vault,
      packBytes,
      concurrency,
      retainDays,
    }));
    const opening = this.#repository;
    opening.catch(() => {
      if (this.#repository === opening) this.#repository = undefined;
    });
    return opening;
  }
}
