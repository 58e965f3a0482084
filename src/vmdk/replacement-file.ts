import { randomBytes } from 'node:crypto';
import { type FileHandle, lstat, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FileError } from '../errors/file-error.js';
import { InvalidInputError } from '../errors/invalid-input-error.js';
import { checkPath, kindOf, messageOf, openError } from './input-file.js';

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

  /**
   * Creates it, mode 0600, in the directory of what it will replace.
   *
   * @param field - the argument that the path is
   * @throws InvalidInputError if no file can be made there, or something is there that is no regular file
   * @throws FileError
   */
  static async create(field: string, path: string): Promise<ReplacementFile> {
    checkPath(field, path);
    // A device would be replaced by a file of its name; a directory could not be, after all the work.
    const there = await stat(path).catch(() => undefined);
    if (there?.isFile() === false) throw new InvalidInputError(field, `${path} is ${kindOf(there)}`);
    const temporaryPath = `${path}.${randomBytes(6).toString('hex')}.partial`;
    const handle = await open(temporaryPath, 'wx', 0o600).catch((error: unknown) => {
      throw openError(field, error);
    });
    return new ReplacementFile(path, temporaryPath, handle);
  }

  /**
   * Writes all of `bytes` at `position`.
   *
   * @throws FileError
   */
  async write(bytes: Buffer, position: number): Promise<void> {
    await this.#act(async () => {
      for (let done = 0; done < bytes.length;) {
        done += (await this.handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
      }
    });
  }

  /**
   * Gives it its length.
   *
   * @throws FileError
   */
  async truncate(bytes: number): Promise<void> {
    await this.#act(() => this.handle.truncate(bytes));
  }

  /**
   * Puts it in its place: whole there, or not there, even if the machine fails the moment after.
   *
   * @throws FileError
   */
  async commit(): Promise<void> {
    await this.#act(async () => {
      await this.handle.sync();
      await this.handle.close();
      await rename(this.temporaryPath, this.path);
      await syncDirectory(dirname(this.path));
    });
  }

  /** Removes it. Never throws: what made it necessary is what the caller must hear of. */
  async discard(): Promise<void> {
    await this.handle.close().catch(() => undefined);
    await unlink(this.temporaryPath).catch(() => undefined);
  }

  async #act(action: () => Promise<void>): Promise<void> {
    await action().catch((error: unknown) => {
      throw new FileError(`${this.path} cannot be written: ${messageOf(error)}`, { cause: error });
    });
  }
}

/**
 * Has `fill` make a file. It appears under its path if that succeeds; if not, nothing of it stays.
 *
 * @param source what it is made of, and must not take the place of
 * @throws InvalidInputError
 */
export async function replaceFile<T>(
  field: string,
  path: string,
  source: string,
  fill: (file: ReplacementFile) => Promise<T>,
): Promise<T> {
  // A link is replaced itself, and not what it leads to.
  const [there, from] = await Promise.all([lstat(path), stat(source)].map((found) => found.catch(() => undefined)));
  if (there !== undefined && there.ino === from?.ino && there.dev === from.dev) {
    throw new InvalidInputError(field, `${path} is the file that is read`);
  }
  const file = await ReplacementFile.create(field, path);
  try {
    const result = await fill(file);
    await file.commit();
    return result;
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** Makes a name last. Where a directory cannot be opened, as on Windows, or not synced, names last by themselves. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined);
  try {
    await directory?.sync();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EINVAL' && code !== 'ENOTSUP') throw error;
  } finally {
    await directory?.close();
  }
}
