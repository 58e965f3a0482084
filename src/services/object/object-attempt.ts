import { BackupServiceError, StoreError, throwIfAborted } from '../../errors/index.js';
import type { Backup } from '../../model/backup.js';
import type { BackupManifest } from '../../model/backup-manifest.js';
import type { ObjectStore } from '../../stores/object-store.js';
import { assertManifestOf } from '../assert-manifest.js';
import { newBackupKey } from '../backup-key.js';
import { HashingWriter } from '../hashing-writer.js';
import { newRecord } from '../record-shape.js';
import type { HashedSource } from '../staged-file.js';
import type { FileAttempt } from '../store-file.js';
import { noteAttempt } from './attempt-note.js';
import { attemptsAt } from './attempts-at.js';
import { deleteAll } from './delete-all.js';
import { inTime } from './in-time.js';
import { newAttempt, recordName, segmentName } from './object-names.js';
import { type ObjectRecord, readRecord, recordBytes } from './object-record.js';
import { readSegments } from './read-segments.js';
import { SegmentUploads } from './segment-uploads.js';
import { graceMs } from './sweep.js';

/** An attempt that put nothing for so long gives itself up: in another such time it counts as dead for others. */
const maxIdleMs = graceMs / 2;

/**
 * One attempt at storing a backup: segments below a prefix of its own, which {@link commit} makes the backup by putting the record that
 * names them.
 */
export class ObjectAttempt implements FileAttempt {
  readonly #store: ObjectStore;
  readonly #backup: Backup;
  readonly #key: string;
  readonly #attempt = newAttempt();
  readonly #segmentBytes: number;
  readonly #uploads: SegmentUploads;
  readonly #writer: HashingWriter;
  /** The key of the note by which a sweep finds what the attempt leaves. */
  #note = '';
  /** Whether the segments may be a backup's: they are, or it could not be found out. */
  #mayBeCommitted = false;

  /**
   * Leaves a note of the attempt before anything else.
   *
   * @param source the file that is to be stored, where it was hashed
   */
  static async begin(
    store: ObjectStore,
    backup: Backup,
    segmentBytes: number,
    source: HashedSource | undefined,
    signal: AbortSignal | undefined,
  ): Promise<ObjectAttempt> {
    const attempt = new ObjectAttempt(store, backup, segmentBytes, source, signal);
    try {
      attempt.#note = await noteAttempt(store, attempt.#attempt, attempt.#key, signal);
      return attempt;
    } catch (error) {
      await attempt.#uploads.stop();
      throw error;
    }
  }

  private constructor(
    store: ObjectStore,
    backup: Backup,
    segmentBytes: number,
    source: HashedSource | undefined,
    signal: AbortSignal | undefined,
  ) {
    this.#store = store;
    this.#backup = backup;
    this.#key = newBackupKey(backup.id);
    this.#segmentBytes = segmentBytes;
    this.#uploads = new SegmentUploads(
      store,
      segmentBytes,
      (number) => segmentName(this.#key, this.#attempt, number),
      signal,
    );
    const [attempt, backupId] = [this.#attempt, backup.id];
    this.#writer = new HashingWriter(
      {
        put: (bytes) => this.#uploads.write(bytes),
        reread: (streamBytes) =>
          readSegments(store, this.#key, { backupId, attempt, segmentBytes, streamBytes }, signal),
      },
      source?.stream,
    );
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#assertAlive();
    await this.#writer.write(chunk);
  }

  /**
   * @throws BackupCorruptError where the manifest is of another stream than was written
   * @throws InvalidInputError where the manifest is another backup's
   */
  async commit(manifest: BackupManifest | undefined, signal: AbortSignal | undefined): Promise<void> {
    await this.#writer.flush();
    await this.#uploads.finish();
    const written = await this.#writer.finish();
    if (manifest !== undefined) assertManifestOf(this.#backup, written, manifest);
    await this.#noteReplaced(signal);
    throwIfAborted(signal);
    this.#assertAlive();
    await this.#assertThere(signal);
    const segments = { attempt: this.#attempt, segmentBytes: this.#segmentBytes };
    await this.#putRecord({ ...newRecord(this.#backup, written, manifest), ...segments }, signal);
    // Nothing is on its way: it lets go of the caller's signal, which may live long, and that of the memory.
    await this.#uploads.stop();
    // The note stays, for a sweep a day later to remove: another attempt, which commits at this moment, may replace the backup without
    // having seen it.
  }

  async discard(): Promise<void> {
    await this.#uploads.stop();
    await this.#writer.settle();
    if (this.#mayBeCommitted) return;
    // Where the note is still there, a sweep removes the rest.
    await inTime(() => this.#removeAll()).catch(() => undefined);
  }

  interrupt(): void {
    this.#uploads.interrupt();
  }

  async #removeAll(): Promise<void> {
    const { count } = this.#uploads;
    const names = Array.from({ length: count }, (_, number) => segmentName(this.#key, this.#attempt, number));
    await deleteAll(this.#store, names, undefined);
    // A put whose answer was lost may still take effect: the note has to outlive it, and a sweep looks again.
    if (!this.#uploads.isOpen) await deleteAll(this.#store, [this.#note], undefined);
  }

  /** The segments of the backup that is replaced stay for a while: somebody may be reading them. */
  async #noteReplaced(signal: AbortSignal | undefined): Promise<void> {
    let replaced: ReadonlySet<string>;
    try {
      const record = await readRecord(this.#store, this.#key, signal);
      replaced = new Set(record === undefined ? [] : [record.attempt]);
    } catch (error) {
      if (error instanceof StoreError) throw error;
      // It cannot be read, and is replaced all the same. Which of the attempts it names is not known.
      replaced = await attemptsAt(this.#store, this.#key, signal);
    }
    for (const attempt of replaced) {
      if (attempt !== this.#attempt) await noteAttempt(this.#store, attempt, this.#key, signal);
    }
  }

  async #putRecord(record: ObjectRecord, signal: AbortSignal | undefined): Promise<void> {
    this.#mayBeCommitted = true;
    try {
      await this.#store.put(recordName(this.#key), recordBytes(record), { signal });
    } catch (error) {
      // The answer may have been lost, and not the record. That it is not seen does not say that it will not be there: a refusal, too, may
      // be that of a second try. The segments are left to a sweep.
      const found = await readRecord(this.#store, this.#key, AbortSignal.timeout(lookMs)).catch(() => undefined);
      if (found?.attempt !== this.#attempt) throw error;
    }
  }

  #assertAlive(): void {
    if (this.#uploads.idleMs > maxIdleMs) throw givenUp();
  }

  /** A machine that was suspended does not know how long: a sweep may have removed the segments, the first with the others. */
  async #assertThere(signal: AbortSignal | undefined): Promise<void> {
    if (this.#uploads.count === 0) return;
    if ((await this.#store.stat(segmentName(this.#key, this.#attempt, 0), { signal })) === undefined) throw givenUp();
  }
}

/** How long the record is looked for whose put had no clear answer, in milliseconds: longer than a store's retries take. */
const lookMs = 60_000;

function givenUp(): BackupServiceError {
  return new BackupServiceError('the backup was given up, as no byte of it came for half a day', { retryable: true });
}
