import { randomBytes } from 'node:crypto';
import { open, rename, unlink, type FileHandle } from 'node:fs/promises';

/**
 * A file that takes another's place when it is whole. Until then it lies beside it under a name of its own; what was
 * there before stays as it was.
 */
export class ReplacementFile {
  private constructor(
    readonly path: string,
    readonly temporaryPath: string,
    readonly handle: FileHandle,
  ) {}

  /** Creates it, mode 0600, in the directory of what it will replace. */
  static async create(path: string): Promise<ReplacementFile> {
    const temporaryPath = `${path}.${randomBytes(6).toString('hex')}.partial`;
    return new ReplacementFile(path, temporaryPath, await open(temporaryPath, 'wx', 0o600));
  }

  /** Writes all of `bytes` at `position`. */
  async write(bytes: Buffer, position: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      done += (await this.handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
    }
  }

  /** Puts it in its place. */
  async commit(): Promise<void> {
    await this.handle.close();
    await rename(this.temporaryPath, this.path);
  }

  /** Removes it. Never throws: what made it necessary is what the caller must hear of. */
  async discard(): Promise<void> {
    await this.handle.close().catch(() => undefined);
    await unlink(this.temporaryPath).catch(() => undefined);
  }
}

/** Has `fill` make a file. It appears under its path if that succeeds; if not, nothing of it stays. */
export async function replaceFile<T>(path: string, fill: (file: ReplacementFile) => Promise<T>): Promise<T> {
  const file = await ReplacementFile.create(path);
  try {
    const result = await fill(file);
    await file.commit();
    return result;
  } catch (error) {
    await file.discard();
    throw error;
  }
}
