import { BackupServiceError } from '../errors/index.js';
import type { Backup } from '../model/backup.js';
import type { BackupManifest, BackupMetadata } from '../model/backup-manifest.js';
import type { DiskSink } from '../nfc/receive-disk.js';
import type { Operation } from '../operation/operation.js';
import { type BackupWriter, takesByValue } from '../services/backup-service.js';

/** A backup service that takes a backup as a stream. Exactly one of {@link commit} and {@link abort} ends it. */
export class ServiceSink {
  readonly #operation: Operation;
  readonly #backup: Backup;
  #writer: BackupWriter | undefined;

  constructor(operation: Operation, backup: Backup) {
    this.#operation = operation;
    this.#backup = backup;
  }

  async open(): Promise<DiskSink> {
    const { signal, backupService } = this.#operation;
    const writer = await backupService.openBackup?.(this.#backup, { signal });
    if (writer === undefined) throw new BackupServiceError('the backup service takes no streams');
    this.#writer = writer;
    return {
      write: (chunk) => writer.write(chunk),
      isDoneWithChunks: takesByValue in writer,
      close: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  async commit(manifest: BackupManifest): Promise<BackupMetadata | void> {
    // What was never opened must not be taken for stored.
    if (this.#writer === undefined) throw new BackupServiceError('the backup has no stream that could be committed');
    return this.#writer.commit(manifest);
  }

  async abort(): Promise<void> {
    await this.#writer?.abort();
  }
}
