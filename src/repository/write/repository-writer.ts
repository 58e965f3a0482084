import { setMaxListeners } from 'node:events';
import { anySignal } from '../../any-signal.js';
import { AbortError, BackupServiceError } from '../../errors/index.js';
import { EventLoopTurns } from '../../event-loop-turns.js';
import type { Backup } from '../../model/backup.js';
import type { BackupManifest } from '../../model/backup-manifest.js';
import { assertManifestOf } from '../../services/assert-manifest.js';
import { HashingWriter, type WrittenStream } from '../../services/hashing-writer.js';
import { tryDelete } from '../../stores/try-delete.js';
import { ChunkReadable } from '../../stream/chunk-readable.js';
import type { BlobAddress } from '../format/blob.js';
import { recordKey, rootKey } from '../format/names.js';
import { packKey } from '../format/pack-id.js';
import { type BackupRecord, formatRecord, type Increment } from '../format/record.js';
import { digestRoot, formatRoot, type Root } from '../format/root.js';
import { BackupChunks } from '../read/backup-chunks.js';
import { MapReader } from '../read/map-reader.js';
import { PackReader } from '../read/pack-reader.js';
import { findRecord, type Repository } from '../repository.js';
import { MemoryPool } from '../stream/memory-pool.js';
import { RecipeWriter } from '../stream/recipe-writer.js';
import { StreamSplitter } from '../stream/stream-splitter.js';
import { type Attempt, beginAttempt } from './attempt.js';
import { GrainStore } from './grain-store.js';
import { MapWriter } from './map-writer.js';
import { PackWriter } from './pack-writer.js';
import { retainNeeded } from './retain-needed.js';

/** The length a pack of the map is put at, in bytes. */
const mapPackBytes = 4 * 1024 * 1024;
/** Bytes of a batch of grains, and how many are kept to be used again: as much as is on its way in a few packs. */
const batchBytes = 1024 * 1024;
const batchSpares = 64;
/** Bytes taken of a chunk before the grains in them are stored: so much waits in memory, and is taken in one turn. */
const sliceBytes = 256 * 1024;
/** Pages looked at between two looks at the clock. */
const pagesAtOnce = 4096;
/** How long is looked whether a record that could not be put is there all the same, in milliseconds. */
const lookMs = 60_000;
const dayMs = 24 * 60 * 60 * 1000;

/** What a commit tells beside that it happened. */
export interface CommitResult extends Readonly<Record<string, unknown>> {
  readonly increment: Increment;
}

/**
 * Stores one backup: the grains that the parent does not have, the map, the recipe, the root, and last the record, by which
 * it becomes a backup. Until then nothing of it can be seen. Its calls do not overlap, and what fails ends with {@link abort}.
 */
export class RepositoryWriter {
  readonly #repository: Repository;
  readonly #backup: Backup;
  readonly #attempt: Attempt;
  readonly #givenUp = new AbortController();
  /** The backup's own signal, the lease's, and the one of {@link abort}. */
  readonly #signal: AbortSignal;
  readonly #retainUntil: Date | undefined;
  readonly #recipe = new RecipeWriter();
  readonly #recipePieces: BlobAddress[] = [];
  readonly #memory = new MemoryPool({ bytes: batchBytes, spares: batchSpares });
  readonly #splitter = new StreamSplitter(this.#recipe, this.#memory);
  readonly #dataPacks: PackWriter;
  readonly #mapPacks: PackWriter;
  readonly #map: MapWriter;
  readonly #grains: GrainStore;
  readonly #turns = new EventLoopTurns();
  /** Hashes the stream, where that was not done before, on its way into the grains. */
  readonly #stream: HashingWriter;
  #root: Root | undefined;
  #state: 'open' | 'committing' | 'committed' | 'ended' = 'open';

  private constructor(
    repository: Repository,
    backup: Backup,
    attempt: Attempt,
    signal: AbortSignal,
    hashed: WrittenStream | undefined,
  ) {
    const { store, vault, packBytes, concurrency, retainDays } = repository;
    this.#repository = repository;
    this.#backup = backup;
    this.#attempt = attempt;
    this.#signal = anySignal(signal, attempt.lease.lost, this.#givenUp.signal);
    // One for each read and put that is under way.
    setMaxListeners(0, this.#signal);
    this.#retainUntil = retainDays === undefined ? undefined : new Date(Date.now() + retainDays * dayMs);
    const [retainUntil, memory] = [this.#retainUntil, this.#memory];
    const common = { store, vault, attempt: attempt.id, retainUntil, signal: this.#signal, memory };
    this.#dataPacks = new PackWriter({ ...common, kind: 'data', packBytes, concurrency });
    this.#mapPacks = new PackWriter({ ...common, kind: 'map', packBytes: mapPackBytes, concurrency: 1 });
    this.#map = new MapWriter(this.#mapPacks, vault, parentMap(repository, attempt, this.#signal));
    this.#grains = new GrainStore(vault, this.#dataPacks, this.#map, memory);
    const place = { put: (bytes: Uint8Array) => this.#store(bytes), reread: (bytes: number) => this.#reread(bytes) };
    this.#stream = new HashingWriter(place, hashed);
  }

  /**
   * Begins a backup.
   *
   * @param hashed the stream that all bytes will be of, where that was hashed
   */
  static async begin(
    repository: Repository,
    backup: Backup,
    signal: AbortSignal = new AbortController().signal,
    hashed?: WrittenStream,
  ): Promise<RepositoryWriter> {
    return new RepositoryWriter(repository, backup, await beginAttempt(repository, backup, signal), signal, hashed);
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#assertOpen();
    await this.#stream.write(chunk);
  }

  /**
   * @throws BackupCorruptError where the manifest is of another stream than was written
   * @throws InvalidInputError where the manifest is another backup's
   * @throws BackupServiceError where the backup's lease is gone, or an earlier failure lost some of its grains; retryable
   */
  async commit(manifest?: BackupManifest): Promise<CommitResult> {
    this.#assertOpen();
    await this.#stream.flush();
    this.#splitter.end();
    await this.#storeParts();
    await this.#grains.finish();
    this.#assertAllStored();
    const root = (this.#root = await this.#finishRoot());
    const written = await this.#stream.finish();
    if (manifest !== undefined) assertManifestOf(this.#backup, written, manifest);
    const record = await this.#putRoot(root, written, manifest);
    if (this.#retainUntil !== undefined) {
      await retainNeeded(this.#repository, root, this.#attempt.id, this.#retainUntil, this.#signal);
    }
    await this.#assertLease();
    this.#assertOpen();
    this.#state = 'committing';
    await this.#putRecord(record);
    this.#state = 'committed';
    await this.#attempt.lease.end();
    return { increment: record.increment };
  }

  /** Ends what is under way, which then rejects. Only {@link abort} may follow. */
  interrupt(): void {
    this.#givenUp.abort(new BackupServiceError('the backup was given up'));
  }

  /** Gives the backup up, and leaves nothing behind unless its record may have been put already. */
  async abort(): Promise<void> {
    const state = this.#state;
    if (state === 'committed' || state === 'ended') return;
    this.#state = 'ended';
    this.interrupt();
    await this.#stream.settle();
    await Promise.all([this.#dataPacks.settle(), this.#mapPacks.settle(), this.#attempt.lease.stop()]);
    // A record that may come to be seen must find what it refers to: garbage collection tells, once the lease is dead.
    if (state === 'committing') return;
    const { volumeId, id } = this.#backup;
    const keys = [
      ...this.#dataPacks.packs.map((pack) => packKey('data', pack.id)),
      ...this.#mapPacks.packs.map((pack) => packKey('map', pack.id)),
      rootKey(volumeId, id, this.#attempt.id),
    ];
    await tryDelete(this.#repository.store, keys);
    await this.#attempt.lease.end();
  }

  /** Takes the stream's next bytes apart, and stores what comes of them. */
  async #store(chunk: Uint8Array): Promise<void> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let from = 0; from < bytes.length; from += sliceBytes) {
      this.#splitter.push(bytes.subarray(from, from + sliceBytes));
      await this.#storeParts();
    }
  }

  /** What was stored, put together again: it is all there, but for the root. */
  #reread(streamBytes: number): ChunkReadable {
    if (this.#root === undefined) throw new Error('a backup is read again before its packs are put');
    const signal = this.#signal;
    return new ChunkReadable(new BackupChunks(this.#repository, this.#root, streamBytes, signal), { signal });
  }

  /** Stores the grains and the pieces of the recipe that have come together. */
  async #storeParts(): Promise<void> {
    await this.#turns.pause();
    for (const batch of this.#splitter.takeBatches()) {
      this.#assertOpen();
      await this.#grains.add(batch);
    }
    await this.#storeRecipe(false);
    this.#assertOpen();
  }

  async #storeRecipe(last: boolean): Promise<void> {
    const pieces = await this.#recipe.take(last);
    const keys = await this.#repository.vault.keysOf(pieces);
    for (const [place, piece] of pieces.entries()) {
      this.#recipePieces.push(await this.#mapPacks.add(piece, keys[place] ?? piece));
    }
  }

  /** Puts the last packs, and tells all that the backup refers to. */
  async #finishRoot(): Promise<Root> {
    const { parent } = this.#attempt;
    const pages = await this.#map.finish();
    await this.#storeRecipe(true);
    const [data, map] = [await this.#dataPacks.finish(), await this.#mapPacks.finish()];
    const mapReferenced = new Set<string>();
    let looked = 0;
    for (const { pack } of pages.values()) {
      if (looked++ % pagesAtOnce === 0) await this.#turns.pause();
      mapReferenced.add(pack);
    }
    return {
      grainBytes: this.#splitter.grainBytes,
      dataPacks: [...(parent?.root.dataPacks ?? []).filter(({ id }) => this.#map.referenced.has(id)), ...data],
      mapPacks: [...(parent?.root.mapPacks ?? []).filter(({ id }) => mapReferenced.has(id)), ...map],
      pages,
      recipe: this.#recipePieces,
    };
  }

  async #putRoot(
    root: Root,
    { streamBytes }: WrittenStream,
    manifest: BackupManifest | undefined,
  ): Promise<BackupRecord> {
    const { store, vault } = this.#repository;
    const { id: backupId, volumeId } = this.#backup;
    const { id: attempt, parent, reason } = this.#attempt;
    const bytes = await vault.sealRoot(attempt, await formatRoot(root));
    await store.put(rootKey(volumeId, backupId, attempt), bytes, this.#putOptions());
    const { grainsNew, grainsSame } = this.#grains;
    return {
      formatVersion: 1,
      backupId,
      volumeId,
      attempt,
      streamBytes,
      storedAt: new Date().toISOString(),
      root: { bytes: bytes.length, sha256: await digestRoot(bytes) },
      increment: {
        parent: parent?.record.backupId ?? null,
        grainsNew,
        grainsSame,
        bytesStored: this.#dataPacks.storedBytes + this.#mapPacks.storedBytes + bytes.length,
        ...(reason === undefined ? {} : { reason }),
      },
      ...(manifest === undefined ? {} : { manifest }),
      ...(this.#retainUntil && { retainUntil: this.#retainUntil.toISOString() }),
    };
  }

  /**
   * The commit guard. As long as the lease is there, nothing the backup refers to has been marked as garbage, and what is
   * marked from now on stays for the grace. Without it the backup must not become one.
   */
  async #assertLease(): Promise<void> {
    if (await this.#attempt.lease.isThere(this.#signal)) return;
    const message = 'the backup gave no sign of life for so long that its lease was removed; repeat it';
    throw new BackupServiceError(message, { retryable: true });
  }

  async #putRecord(record: BackupRecord): Promise<void> {
    const { store, vault } = this.#repository;
    try {
      await store.put(recordKey(record.volumeId, record.backupId), formatRecord(record, vault), this.#putOptions());
    } catch (error) {
      // Without the backup's signal, which may be why it failed: the record may be there all the same.
      const backup = { id: record.backupId, volumeId: record.volumeId };
      const there = await findRecord(this.#repository, backup, AbortSignal.timeout(lookMs)).catch(() => undefined);
      if (there?.attempt !== record.attempt) throw error;
    }
  }

  /** What failed half-way took grains with it: a recipe that has them would put nothing together. */
  #assertAllStored(): void {
    const stored = this.#grains.grainsNew + this.#grains.grainsSame;
    if (stored === this.#recipe.grains) return;
    const message = `the backup has ${this.#recipe.grains} grains, of which ${stored} were stored; repeat it`;
    throw new BackupServiceError(message, { retryable: true });
  }

  #putOptions() {
    return { signal: this.#signal, ...(this.#retainUntil && { retainUntil: this.#retainUntil }) };
  }

  #assertOpen(): void {
    if (this.#state !== 'open') throw new BackupServiceError('the backup has ended: nothing more is taken');
    if (!this.#signal.aborted) return;
    throw this.#attempt.lease.lost.aborted ? this.#attempt.lease.lost.reason : new AbortError(this.#signal);
  }
}

function parentMap({ store, vault }: Repository, { parent, lostPacks: lost }: Attempt, signal: AbortSignal) {
  if (parent === undefined) return undefined;
  const { root } = parent;
  const packs = new PackReader({ store, vault, kind: 'map', packs: root.mapPacks, signal });
  return { root, map: new MapReader(root, packs), lostPacks: lost };
}
