import { type FileHandle, open, rm } from 'node:fs/promises';
import { HashingFileWriter } from './hashing-file-writer.js';
import type { WrittenStream } from './hashing-writer.js';
import { takeOverFile } from './take-over-file.js';

/** A file whose bytes were hashed. */
export interface HashedSource {
  readonly path: string;
  readonly stream: WrittenStream;
}

/** A file of a service's own that is to have all bytes of a backup: they are written, or it takes over a file that has them. */
export class StagedFile {
  readonly #handle: FileHandle;
  /** What it took over. */
  readonly #whole: WrittenStream | undefined;
  readonly #writer: HashingFileWriter;
  #closed = false;

  /**
   * Makes the file, for its owner only; nothing is at `path` where that fails.
   *
   * @param path what must not exist yet
   * @param source the file that is to be stored, where it was hashed and nobody changes it any more: it is taken over where the file
   *   system can do that
   */
  static async open(path: string, source: HashedSource | undefined): Promise<StagedFile> {
    const isWhole = source !== undefined && (await takeOverFile(source.path, path));
    const handle = await open(path, isWhole ? 'r+' : 'wx+', 0o600).catch(async (error: unknown) => {
      if (isWhole) await rm(path, { force: true }).catch(() => undefined);
      throw error;
    });
    try {
      if (isWhole) await handle.chmod(0o600);
      return new StagedFile(handle, source?.stream, isWhole);
    } catch (error) {
      await handle.close().catch(() => undefined);
      await rm(path, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  private constructor(handle: FileHandle, hashed: WrittenStream | undefined, isWhole: boolean) {
    this.#handle = handle;
    this.#whole = isWhole ? hashed : undefined;
    this.#writer = new HashingFileWriter(handle, hashed);
  }

  /** Whether it has all bytes already: none are to be written then. */
  get isWhole(): boolean {
    return this.#whole !== undefined;
  }

  /** Takes the next bytes. Calls must not overlap. */
  write(chunk: Uint8Array): Promise<void> {
    return this.#writer.write(chunk);
  }

  /** What it has in all. Nothing can be written after that. */
  async finish(): Promise<WrittenStream> {
    if (this.#whole === undefined) return this.#writer.finish();
    const { size } = await this.#handle.stat();
    if (size !== this.#whole.streamBytes) throw new Error('the file changed while it was stored');
    return this.#whole;
  }

  /** Makes it durable. */
  sync(): Promise<void> {
    return this.#handle.sync();
  }

  /** Waits for what is under way, however that ends. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writer.settle();
    await this.#handle.close();
  }
}
