import { createReadStream, createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import {
  AbortError,
  BackupNotFoundError,
  BackupServiceError,
  InvalidInputError,
  throwIfAborted,
  VmdkDriverError,
} from '../errors/index.js';
import type { Backup } from '../model/backup.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import { parseInput } from '../parse-input.js';
import type {
  BackupService,
  BackupWriter,
  ServiceBackupOptions,
  ServiceOptions,
  VolumeFile,
} from '../services/backup-service.js';
import type { ListOptions, StoredBackup, UnreadableBackup } from '../services/listed-backup.js';
import type { ObjectStore } from '../stores/object-store.js';
import { collectGarbage, type GarbageOptions, type GarbageReport } from './care/collect-garbage.js';
import {
  decideRetention,
  policySchema,
  type DatedBackup,
  type RetentionDecision,
  type RetentionPolicy,
} from './care/retention.js';
import { verifyRepository, type VerifyOptions, type VerifyReport } from './care/verify.js';
import { isRecordKey, recordKey, volumePrefix, volumesPrefix } from './format/names.js';
import { parseRecord, type BackupRecord, type Increment } from './format/record.js';
import { createRepository, openRepository } from './open-repository.js';
import { readStream } from './read/read-stream.js';
import { findRecord, readObject, readRoot, type Repository } from './repository.js';
import { openKey, putKey, type RepositoryEncryption } from './vault/key-ring.js';
import { RepositoryWriter, type CommitResult } from './write/repository-writer.js';

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

/** A backup of a repository. */
export interface RepositoryBackup extends StoredBackup {
  readonly increment: Increment;
  /** Until when all that it needs is locked, ISO 8601. */
  readonly retainUntil?: string | undefined;
}

const optionsSchema = z.strictObject({
  store: z.custom<ObjectStore>((value) => typeof value === 'object' && value !== null, 'must be an object store'),
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
const chunkBytes = 1024 * 1024;

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
    const { signal, manifest, onProgress } = options;
    const writer = await this.#begin(backup, signal);
    try {
      let bytesDone = 0;
      const source = createReadStream(file.path, { highWaterMark: chunkBytes, signal });
      for await (const chunk of source) {
        await writer.write(chunk as Buffer);
        bytesDone += (chunk as Buffer).length;
        onProgress?.({ bytesDone, ...(manifest && { bytesTotal: manifest.streamBytes }) });
      }
      return await writer.commit(manifest);
    } catch (error) {
      await writer.abort();
      throw asServiceError(error, `backup ${backup.id} cannot be stored`, signal);
    }
  }

  async openBackup(backup: Backup, { signal }: ServiceOptions = {}): Promise<BackupWriter> {
    return this.#begin(backup, signal);
  }

  /**
   * Writes a backup's stream into the file.
   *
   * @throws BackupNotFoundError, RepositoryDamagedError, WrongKeyError
   */
  async restore(backup: Backup, _volumeId: string, file: VolumeFile, options: ServiceOptions = {}): Promise<void> {
    const { signal, onProgress } = options;
    const { stream, length } = await this.openRestore(backup, { signal });
    let bytesDone = 0;
    stream.on('data', (chunk: Buffer) => {
      bytesDone += chunk.length;
      onProgress?.({ bytesDone, bytesTotal: length });
    });
    try {
      await pipeline(stream, createWriteStream(file.path, { highWaterMark: chunkBytes, flush: true }), { signal });
    } catch (error) {
      throw asServiceError(error, `backup ${backup.id} cannot be restored`, signal);
    }
  }

  /** @throws BackupNotFoundError, RepositoryDamagedError, WrongKeyError */
  async openRestore(
    backup: Backup,
    { signal }: ServiceOptions = {},
  ): Promise<{ readonly stream: Readable; readonly length: number }> {
    const { stream, record } = await this.#openStored(backup, signal);
    return { stream, length: record.streamBytes };
  }

  /** Deletes a backup. What only it needed is garbage from then on. */
  async delete(backup: Backup, { signal }: ServiceOptions = {}): Promise<void> {
    throwIfAborted(signal);
    const { store } = await this.#open(signal);
    const { id, volumeId } = parseInput('backup', backupSchema, backup);
    const { retained, failed } = await store.delete([recordKey(volumeId, id)], { signal });
    if (failed[0] !== undefined) throw failed[0].error;
    if (retained.length > 0) throw new BackupServiceError(`backup ${id} is locked and cannot be deleted yet`);
  }

  async readManifest(backup: Backup, { signal }: ServiceOptions = {}): Promise<BackupManifest | undefined> {
    throwIfAborted(signal);
    const record = await findRecord(await this.#open(signal), parseInput('backup', backupSchema, backup), signal);
    return record?.manifest;
  }

  async *list({ volumeId, signal }: ListOptions = {}): AsyncGenerator<
    RepositoryBackup | UnreadableBackup,
    void,
    undefined
  > {
    throwIfAborted(signal);
    for await (const found of records(await this.#open(signal), volumeId, signal)) {
      yield 'record' in found ? describe(found.record) : { id: found.key, error: found.error };
    }
  }

  /**
   * Deletes the backups that no rule keeps, volume by volume. One that cannot be read is left alone.
   *
   * @param options.volumeId only this volume's. Default: every volume's
   * @param options.dryRun tells what would be done, and does nothing
   */
  async applyRetention(
    policy: RetentionPolicy,
    options: {
      readonly volumeId?: string | undefined;
      readonly dryRun?: boolean | undefined;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<RetentionDecision[]> {
    const { volumeId, dryRun = false, signal } = options;
    const rules = parseInput('policy', policySchema, policy);
    const repository = await this.#open(signal);
    const volumes = new Map<string, DatedBackup[]>();
    for await (const found of records(repository, volumeId, signal)) {
      if (!('record' in found)) continue;
      const { backupId, volumeId: ofVolume } = found.record;
      const backup = { backupId, volumeId: ofVolume, committedAt: found.committedAt };
      volumes.set(ofVolume, [...(volumes.get(ofVolume) ?? []), backup]);
    }
    const decisions: RetentionDecision[] = [];
    for (const backups of volumes.values()) {
      for (const decision of decideRetention(backups, rules)) {
        decisions.push(decision.keep || dryRun ? decision : await this.#expire(decision, signal));
      }
    }
    return decisions;
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
    const { signal } = options;
    const { stream, record } = await this.#openStored(backup, signal);
    const writer = await other.#begin(backup, signal);
    try {
      for await (const chunk of stream) await writer.write(chunk as Buffer);
      await writer.commit(record.manifest);
    } catch (error) {
      stream.destroy();
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

  async #expire(decision: RetentionDecision, signal: AbortSignal | undefined): Promise<RetentionDecision> {
    try {
      await this.delete({ id: decision.backupId, volumeId: decision.volumeId }, { signal });
      return decision;
    } catch (error) {
      if (!(error instanceof VmdkDriverError)) throw error;
      throwIfAborted(signal);
      return { ...decision, keep: true, reasons: [error.message] };
    }
  }

  /** A backup's stream and its record, which belong together: another backup of the same id may take its place at any time. */
  async #openStored(
    backup: Backup,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly stream: Readable; readonly record: BackupRecord }> {
    throwIfAborted(signal);
    const repository = await this.#open(signal);
    const record = await findRecord(repository, parseInput('backup', backupSchema, backup), signal);
    if (record === undefined)
      throw new BackupNotFoundError(`there is no backup ${backup.id} of volume ${backup.volumeId}`);
    const root = await readRoot(repository, record, signal);
    return { stream: readStream(repository, root, record.streamBytes, signal), record };
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

type FoundRecord =
  | { readonly record: BackupRecord; readonly committedAt: Date }
  | { readonly key: string; readonly error: VmdkDriverError };

async function* records(
  { store, vault }: Repository,
  volumeId: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<FoundRecord, void, undefined> {
  const prefix = volumeId === undefined ? volumesPrefix : volumePrefix(volumeId);
  for await (const { key, lastModified: committedAt } of store.list(prefix, { signal })) {
    if (!isRecordKey(key)) continue;
    const bytes = await readObject(store, key, signal);
    // Deleted since it was listed.
    if (bytes === undefined) continue;
    let found: FoundRecord;
    try {
      found = { record: parseRecord(bytes, key, vault), committedAt };
    } catch (error) {
      if (!(error instanceof VmdkDriverError)) throw error;
      found = { key, error };
    }
    yield found;
  }
}

function describe({ backupId: id, volumeId, streamBytes, storedAt, increment, manifest, retainUntil }: BackupRecord) {
  return {
    id,
    volumeId,
    streamBytes,
    storedAt,
    increment,
    ...(manifest && { manifest }),
    ...(retainUntil === undefined ? {} : { retainUntil }),
  };
}

function asServiceError(error: unknown, what: string, signal: AbortSignal | undefined): VmdkDriverError {
  if (signal?.aborted === true) return new AbortError(signal);
  if (error instanceof VmdkDriverError) return error;
  return new BackupServiceError(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
