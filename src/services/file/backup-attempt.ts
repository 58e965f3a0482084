import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno } from '../../errors/errno.js';
import { BackupServiceError, throwIfAborted } from '../../errors/index.js';
import type { Backup } from '../../model/backup.js';
import type { BackupManifest } from '../../model/backup-manifest.js';
import { newAttemptName } from '../../stores/file/attempt-name.js';
import { makeDirectory } from '../../stores/file/make-directory.js';
import { inTurn, processState } from '../../stores/file/process-state.js';
import { syncDirectory } from '../../stores/file/sync-directory.js';
import { assertManifestOf } from '../assert-manifest.js';
import { newBackupKey } from '../backup-key.js';
import { newRecord } from '../record-shape.js';
import { type HashedSource, StagedFile } from '../staged-file.js';
import type { FileAttempt } from '../store-file.js';
import { type BackupRecord, readRecord } from './backup-record.js';
import { dataFileName, recordFileName, temporaryDataFileName, temporaryRecordFileName } from './file-names.js';
import { sweepLeftovers } from './sweep-leftovers.js';

/**
 * One attempt at storing a backup: a temporary file that {@link commit} makes the backup, and {@link discard} makes nothing.
 *
 * Every attempt has files of its own, so that attempts at the same backup do not meet before the last step, in which the
 * record's rename decides.
 */
export class BackupAttempt implements FileAttempt {
  readonly #directory: string;
  readonly #backup: Backup;
  readonly #key: string;
  readonly #name: string;
  readonly #file: StagedFile;
  #committed = false;

  /**
   * Clears what dead attempts left, and creates this one's temporary file.
   *
   * @param source the file that is to be stored, where it was hashed
   */
  static async begin(directory: string, backup: Backup, source?: HashedSource): Promise<BackupAttempt> {
    const key = newBackupKey(backup.id);
    const name = newAttemptName();
    await makeDirectory(directory);
    await sweepLeftovers(directory);
    // Known before its file is there: another attempt's sweep may see the file at once.
    processState.attempts.add(name);
    try {
      const file = await StagedFile.open(join(directory, temporaryDataFileName(key, name)), source);
      return new BackupAttempt(directory, backup, key, name, file);
    } catch (error) {
      processState.attempts.delete(name);
      throw error;
    }
  }

  private constructor(directory: string, backup: Backup, key: string, name: string, file: StagedFile) {
    this.#directory = directory;
    this.#backup = backup;
    this.#key = key;
    this.#name = name;
    this.#file = file;
  }

  get isWhole(): boolean {
    return this.#file.isWhole;
  }

  /** Takes the next bytes. Calls must not overlap. */
  write(chunk: Uint8Array): Promise<void> {
    return this.#file.write(chunk);
  }

  /**
   * Makes what was written the backup. Where it rejects, {@link discard} is still to be called.
   *
   * @throws BackupCorruptError where the manifest is of another stream than was written
   * @throws InvalidInputError where the manifest is another backup's
   */
  async commit(manifest: BackupManifest | undefined, signal: AbortSignal | undefined): Promise<void> {
    const written = await this.#file.finish();
    if (manifest !== undefined) assertManifestOf(this.#backup, written, manifest);
    throwIfAborted(signal);
    await this.#file.sync();
    await this.#file.close();
    const dataFile = dataFileName(this.#key, this.#name);
    const record: BackupRecord = { ...newRecord(this.#backup, written, manifest), dataFile };
    // Two attempts that ended at once would otherwise both take the same data file for the one they replace.
    await inTurn(this.#path(recordFileName(this.#key)), () => this.#publish(record, signal));
    processState.attempts.delete(this.#name);
  }

  /** Removes every trace of the attempt, unless it was committed. Never rejects. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    if (!this.#committed) {
      const names = [temporaryDataFileName, dataFileName, temporaryRecordFileName];
      for (const nameOf of names) await this.#remove(nameOf(this.#key, this.#name));
    }
    processState.attempts.delete(this.#name);
  }

  async #publish(record: BackupRecord, signal: AbortSignal | undefined): Promise<void> {
    const recordPath = this.#path(recordFileName(this.#key));
    const temporaryRecordPath = this.#path(temporaryRecordFileName(this.#key, this.#name));
    await rename(this.#path(temporaryDataFileName(this.#key, this.#name)), this.#path(record.dataFile));
    await writeNewFile(temporaryRecordPath, textOf(record));
    // The data's name has to be durable before the record that gives it.
    await syncDirectory(this.#directory);
    // One that cannot be read is replaced all the same; its data is then left to a sweep.
    const replaced = await readRecord(recordPath, this.#key).catch(() => undefined);
    throwIfAborted(signal);
    await rename(temporaryRecordPath, recordPath).catch((error: unknown) => this.#assertRenamed(record, error));
    this.#committed = true;
    await this.#assertDataThere(record, replaced);
    await syncDirectory(this.#directory);
    if (replaced !== undefined && replaced.dataFile !== record.dataFile) await this.#remove(replaced.dataFile);
  }

  /**
   * While the data had no record, another machine's sweep may have taken it for abandoned: this one was suspended for a day, say. Then
   * what was there before is put back.
   */
  async #assertDataThere({ dataFile }: BackupRecord, replaced: BackupRecord | undefined): Promise<void> {
    if (await isThere(this.#path(dataFile))) return;
    const recordPath = this.#path(recordFileName(this.#key));
    const found = await readRecord(recordPath, this.#key);
    // It was the backup, until another attempt's took its place, or it was deleted.
    if (found?.dataFile !== dataFile) return;
    if (replaced === undefined) await rm(recordPath, { force: true });
    else await this.#putBack(replaced, recordPath);
    await syncDirectory(this.#directory);
    this.#committed = false;
    const message =
      'its data was removed by another machine before it was a backup; see that the clocks agree, and repeat it';
    throw new BackupServiceError(message, { retryable: true });
  }

  async #putBack(replaced: BackupRecord, recordPath: string): Promise<void> {
    const temporaryRecordPath = this.#path(temporaryRecordFileName(this.#key, this.#name));
    await writeNewFile(temporaryRecordPath, textOf(replaced));
    await rename(temporaryRecordPath, recordPath);
  }

  /** Of a file server the answer to a rename may be lost, and not the rename: the record's own file tells. */
  async #assertRenamed({ dataFile }: BackupRecord, error: unknown): Promise<void> {
    const path = this.#path(recordFileName(this.#key));
    const found = await readRecord(path, this.#key).catch(() => 'unreadable' as const);
    // Where that cannot be told nothing is removed: a sweep decides by the record.
    this.#committed = found === 'unreadable';
    if (found === 'unreadable' || found?.dataFile !== dataFile) throw error;
  }

  /** A file that cannot be removed is left to a sweep: the attempt's own outcome matters more. */
  async #remove(name: string): Promise<void> {
    await rm(this.#path(name), { force: true }).catch(() => undefined);
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

function textOf(record: BackupRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

/** Whether a file is there, as a file server has it: opening it asks the server, where a look may be answered from what was known. */
async function isThere(path: string): Promise<boolean> {
  try {
    await (await open(path, 'r')).close();
    return true;
  } catch (error) {
    // What cannot be told is no reason to take a backup back.
    return !hasErrno(error, 'ENOENT', 'ESTALE');
  }
}

async function writeNewFile(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
