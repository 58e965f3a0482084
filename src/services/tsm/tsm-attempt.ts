import { rm, writeFile } from 'node:fs/promises';
import { StoreError, throwIfAborted } from '../../errors/index.js';
import type { Backup } from '../../model/backup.js';
import type { BackupManifest } from '../../model/backup-manifest.js';
import { newAttemptName } from '../../stores/file/attempt-name.js';
import { makeDirectory } from '../../stores/file/make-directory.js';
import { processState } from '../../stores/file/process-state.js';
import { assertManifestOf } from '../assert-manifest.js';
import { newBackupKey } from '../backup-key.js';
import { newRecord } from '../record-shape.js';
import { type HashedSource, StagedFile } from '../staged-file.js';
import type { FileAttempt } from '../store-file.js';
import { type ArchiveName, dataOf, recordOf } from './archive-names.js';
import type { Dsmc } from './dsmc.js';
import { hasSize } from './query-output.js';
import { recordsAmong } from './stored-records.js';

/** One attempt at storing a backup: a file of a name of its own, which {@link commit} archives, and then its record. */
export class TsmAttempt implements FileAttempt {
  readonly #dsmc: Dsmc;
  readonly #backup: Backup;
  readonly #data: ArchiveName;
  readonly #file: StagedFile;
  /** What may be archived by now, the last first. */
  readonly #archived: ArchiveName[] = [];
  #record: ArchiveName | undefined;
  #committed = false;

  /** @param source the file that is to be stored, where it was hashed */
  static async begin(dsmc: Dsmc, backup: Backup, source: HashedSource | undefined): Promise<TsmAttempt> {
    const data = dataOf({ key: newBackupKey(backup.id), attempt: newAttemptName() });
    await makeDirectory(dsmc.directory);
    // Known before its file is there: another attempt's sweep may see the file at once.
    processState.attempts.add(data.attempt);
    try {
      return new TsmAttempt(dsmc, backup, data, await StagedFile.open(dsmc.path(data.name), source));
    } catch (error) {
      processState.attempts.delete(data.attempt);
      throw error;
    }
  }

  private constructor(dsmc: Dsmc, backup: Backup, data: ArchiveName, file: StagedFile) {
    this.#dsmc = dsmc;
    this.#backup = backup;
    this.#data = data;
    this.#file = file;
  }

  get isWhole(): boolean {
    return this.#file.isWhole;
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#file.write(chunk);
  }

  /**
   * @throws BackupCorruptError where the manifest is of another stream than was written
   * @throws InvalidInputError where the manifest is another backup's
   */
  async commit(manifest: BackupManifest | undefined, signal: AbortSignal | undefined): Promise<void> {
    const written = await this.#file.finish();
    if (manifest !== undefined) assertManifestOf(this.#backup, written, manifest);
    throwIfAborted(signal);
    await this.#archive(this.#data, written.streamBytes, signal);
    const record = newRecord(this.#backup, written, manifest);
    const { key, attempt } = this.#data;
    const [current] = recordsAmong(await this.#dsmc.query(`${key}.*`, signal)).get(key) ?? [];
    this.#record = recordOf(key, (current?.generation ?? 0) + 1, attempt);
    const text = Buffer.from(`${JSON.stringify(record, undefined, 2)}\n`);
    await writeFile(this.#dsmc.path(this.#record.name), text, { flag: 'wx', mode: 0o600 });
    throwIfAborted(signal);
    // It is the commit, and not ended by a signal once it has begun.
    await this.#archive(this.#record, text.length, undefined);
    this.#committed = true;
  }

  /** Also after a commit: the files in the directory are not needed any more. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    if (!this.#committed) await this.#deleteArchived().catch(() => undefined);
    for (const file of [this.#data, this.#record]) {
      if (file !== undefined) await rm(this.#dsmc.path(file.name), { force: true }).catch(() => undefined);
    }
    processState.attempts.delete(this.#data.attempt);
  }

  /** Archives a file and asks the server what it has: neither exit code nor text tells. */
  async #archive(file: ArchiveName, bytes: number, signal: AbortSignal | undefined): Promise<void> {
    this.#archived.unshift(file);
    await this.#dsmc.archive(file, signal);
    const [archived, ...others] = await this.#dsmc.queryOne(file, signal);
    if (archived !== undefined && others.length === 0 && hasSize(archived, bytes)) return;
    const has = archived === undefined ? 'is not there' : `has ${archived.size.bytes} bytes`;
    throw new StoreError('integrity', `dsmc: ${file.name} ${has} after it was archived, and ${bytes} bytes were given`);
  }

  /** The record first, and the stream only once that is gone: no record must tell of what is not there. */
  async #deleteArchived(): Promise<void> {
    for (const file of this.#archived) await this.#dsmc.delete(file, undefined);
  }
}
