import type { FileHandle } from 'node:fs/promises';
import { quietly } from '../../quietly.js';
import type { ServiceOptions } from '../../services/backup-service.js';
import { openTarget } from '../../services/volume-file.js';
import type { ChunkSource } from '../../stream/chunk-source.js';
import { type ChunkTaker, pour } from '../../stream/pour.js';
import { writeAll } from '../../stream/write-all.js';

/** Bytes after which what was written is sent on to the disk: to wait for all of it at the end would take longer. */
const syncBytes = 64 * 1024 * 1024;

/**
 * Fills a file with a stream, whatever it held, and makes it durable. Where it fails, the file is left empty.
 *
 * @throws InvalidInputError where it is not a regular file
 */
export async function fillFile(
  path: string,
  chunks: ChunkSource,
  { bytesTotal, signal, onProgress }: ServiceOptions & { readonly bytesTotal: number; readonly signal: AbortSignal },
): Promise<void> {
  const report = quietly(onProgress);
  const target = await openTarget(path);
  const writer = new DurableWriter(target, (bytesDone) => report?.({ bytesDone, bytesTotal }));
  try {
    await target.truncate(0);
    await pour(chunks, writer, signal);
    await writer.finish();
  } catch (error) {
    await writer.settle();
    await target.truncate(0).catch(() => undefined);
    throw error;
  } finally {
    await target.close();
  }
}

/** Writes a file from its beginning, and has it synced meanwhile. */
class DurableWriter implements ChunkTaker {
  readonly isDoneWithChunks = true;
  readonly #target: FileHandle;
  readonly #onBytes: (bytesDone: number) => void;
  #bytesDone = 0;
  #syncedBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #syncing: Promise<void> | undefined;
  /** The system tells of a failed sync once: a later one would seem to have done all. */
  #failure: { readonly error: unknown } | undefined;

  constructor(target: FileHandle, onBytes: (bytesDone: number) => void) {
    this.#target = target;
    this.#onBytes = onBytes;
  }

  async write(chunk: Buffer): Promise<void> {
    this.#writing = writeAll(this.#target, chunk, this.#bytesDone);
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#bytesDone += chunk.length;
    this.#onBytes(this.#bytesDone);
    if (this.#bytesDone - this.#syncedBytes < syncBytes) return;
    this.#syncedBytes = this.#bytesDone;
    this.#syncing ??= this.#target
      .datasync()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => (this.#syncing = undefined));
  }

  /** Waits until all is durable. */
  async finish(): Promise<void> {
    await this.#syncing;
    if (this.#failure !== undefined) throw this.#failure.error;
    await this.#target.sync();
  }

  /** Waits until nothing is under way any more, however it ended. */
  async settle(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#syncing;
  }
}
