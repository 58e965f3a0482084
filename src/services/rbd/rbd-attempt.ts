import { setTimeout } from 'node:timers/promises';
import { StoreError, throwIfAborted } from '../../errors/index.js';
import type { Backup } from '../../model/backup.js';
import type { BackupManifest } from '../../model/backup-manifest.js';
import { newAttemptName } from '../../stores/file/attempt-name.js';
import { processState } from '../../stores/file/process-state.js';
import { assertManifestOf } from '../assert-manifest.js';
import { newBackupKey } from '../backup-key.js';
import { HashingWriter } from '../hashing-writer.js';
import type { RunningProgram } from '../program/running-program.js';
import { newRecord } from '../record-shape.js';
import type { HashedSource } from '../staged-file.js';
import type { FileAttempt } from '../store-file.js';
import { backupImage, backupsAmong, temporaryImage } from './image-names.js';
import { recordKey } from './image-record.js';
import type { Rbd } from './rbd.js';

/** How long the cluster remembers a client that was killed, and keeps its image from being removed, at the most, in milliseconds. */
const watcherPausesMs = [500, 1000, 2000, 4000, 8000, 8000, 8000];

/** How long an import may take to end once its input has, before it is killed, in milliseconds. */
const endingMs = 10_000;

/** One attempt at storing a backup: an image of a name of its own, which {@link commit} renames. */
export class RbdAttempt implements FileAttempt {
  readonly #rbd: Rbd;
  readonly #backup: Backup;
  readonly #key: string;
  readonly #name = newAttemptName();
  readonly #image: string;
  readonly #import: RunningProgram;
  readonly #writer: HashingWriter;
  readonly #stopListening: () => void;
  #committed = false;

  /**
   * @param source the file that is to be stored, where it was hashed
   * @param signal ends the import as soon as it is aborted
   */
  constructor(rbd: Rbd, backup: Backup, source: HashedSource | undefined, signal: AbortSignal | undefined) {
    this.#rbd = rbd;
    this.#backup = backup;
    this.#key = newBackupKey(backup.id);
    this.#image = temporaryImage(this.#key, this.#name);
    // Known before its image is there: another attempt's sweep may see the image at once.
    processState.attempts.add(this.#name);
    // Not ended by the caller's signal: a client that is killed keeps its image from being removed for half a minute.
    this.#import = rbd.startImport(this.#image, undefined);
    this.#writer = new HashingWriter(
      { put: (bytes) => this.#import.write(bytes), reread: () => rbd.export(this.#image, signal) },
      source?.stream,
    );
    const onAbort = () => void this.#endImport();
    this.#stopListening = () => signal?.removeEventListener('abort', onAbort);
    // It may have been aborted before: while the file was hashed, say.
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#writer.write(chunk);
  }

  /**
   * @throws BackupCorruptError where the manifest is of another stream than was written
   * @throws InvalidInputError where the manifest is another backup's
   */
  async commit(manifest: BackupManifest | undefined, signal: AbortSignal | undefined): Promise<void> {
    await this.#writer.flush();
    this.#import.endInput();
    this.#rbd.assertDone(await this.#import.end(), 'the import failed');
    const written = await this.#writer.finish();
    if (manifest !== undefined) assertManifestOf(this.#backup, written, manifest);
    // An input that ended early is a success to the program, and a shorter image.
    const info = await this.#rbd.info(this.#image, signal);
    if (info?.size !== written.streamBytes) {
      throw new StoreError(
        'integrity',
        `rbd: ${this.#image} has ${info?.size ?? 'no'} bytes, and was given ${written.streamBytes}`,
      );
    }
    const record = newRecord(this.#backup, written, manifest);
    await this.#rbd.setMeta(this.#image, recordKey, JSON.stringify(record), signal);
    const [current] = backupsAmong(await this.#rbd.list(signal)).get(this.#key) ?? [];
    throwIfAborted(signal);
    await this.#rename(backupImage(this.#key, (current?.generation ?? 0) + 1, this.#name));
    this.#committed = true;
    this.#stopListening();
    processState.attempts.delete(this.#name);
  }

  async discard(): Promise<void> {
    this.#stopListening();
    if (!this.#committed) {
      await this.#endImport();
      await this.#writer.settle();
      await removeImage(this.#rbd, this.#image).catch(() => undefined);
    }
    processState.attempts.delete(this.#name);
  }

  /** An input that ends is no success here: the image is never renamed. It lets the program close the image, which can then be removed. */
  async #endImport(): Promise<void> {
    this.#import.endInput();
    const ended = this.#import.end().catch(() => undefined);
    const patience = new AbortController();
    const killing = setTimeout(endingMs, undefined, { signal: patience.signal }).then(
      () => {
        this.#import.kill();
      },
      () => undefined,
    );
    await ended;
    patience.abort();
    await killing;
  }

  /** It is the commit, and not ended by a signal once it has begun. */
  async #rename(name: string): Promise<void> {
    const isRenamed = await this.#rbd.rename(this.#image, name, undefined).catch(async (error: unknown) => {
      // Its answer may have been lost, and not the rename.
      const names = await this.#rbd.list(undefined).catch((): string[] => []);
      if (!names.includes(name)) throw error;
      return true;
    });
    if (!isRenamed) throw new StoreError('failed', `rbd: ${this.#image} is gone`);
  }
}

/** Removes an image, and waits for the cluster to forget a client that was killed. */
export async function removeImage(rbd: Rbd, image: string, signal?: AbortSignal): Promise<void> {
  for (const pauseMs of watcherPausesMs) {
    if (await rbd.remove(image, signal)) return;
    await setTimeout(pauseMs);
    throwIfAborted(signal);
  }
  if (!(await rbd.remove(image, signal))) throw new StoreError('failed', `rbd: somebody has ${image} open`);
}
