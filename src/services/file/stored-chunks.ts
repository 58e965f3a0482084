import { quietly } from '../../quietly.js';
import type { ChunkSource } from '../../stream/chunk-source.js';
import { DigestedChunks } from '../../stream/digested-chunks.js';
import { FileChunks } from '../../stream/file-chunks.js';
import type { ServiceRestoreOptions } from '../backup-service.js';
import { checkStream } from '../check-stream.js';
import { isChecked } from '../record-shape.js';
import { asServiceError } from '../service-error.js';
import type { OpenedBackup } from './opened-backup.js';

/**
 * The bytes of a stored backup. It ends with a `BackupCorruptError` where they are not the ones that were stored.
 *
 * A caller who has the backup's manifest holds the bytes against it: then only their number is checked here.
 */
export class StoredChunks implements ChunkSource {
  readonly #stored: OpenedBackup;
  readonly #onProgress: ServiceRestoreOptions['onProgress'];
  readonly #digested: DigestedChunks | undefined;
  readonly #chunks: ChunkSource;
  #bytesDone = 0;

  /** Takes over the backup's file and closes it. */
  constructor(stored: OpenedBackup, { manifest, onProgress }: ServiceRestoreOptions) {
    const { record, handle } = stored;
    this.#stored = stored;
    this.#onProgress = quietly(onProgress);
    const file = new FileChunks(handle);
    this.#digested = isChecked(record, manifest) ? undefined : new DigestedChunks(file);
    this.#chunks = this.#digested ?? file;
  }

  async next(): Promise<Buffer<ArrayBuffer> | undefined> {
    const { record } = this.#stored;
    try {
      const chunk = await this.#chunks.next();
      if (chunk === undefined) {
        checkStream(record, { streamBytes: this.#bytesDone, sha256: this.#digested?.digests.sha256 });
      } else {
        this.#bytesDone += chunk.length;
        this.#onProgress?.({ bytesDone: this.#bytesDone, bytesTotal: record.streamBytes });
      }
      return chunk;
    } catch (error) {
      throw asServiceError(error, `backup ${record.backupId} cannot be read`);
    }
  }

  release(chunk: Buffer<ArrayBuffer>): void {
    this.#chunks.release(chunk);
  }

  close(): Promise<void> {
    return this.#chunks.close();
  }
}
