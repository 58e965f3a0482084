import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { FileError } from '../errors/file-error.js';
import { InvalidInputError } from '../errors/invalid-input-error.js';

/** What opening a path ends in when the path is to blame. */
const unusable = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG', 'ENXIO']);

/** A file that is read from its beginning to its end. */
export class InputFile {
  private constructor(
    readonly path: string,
    readonly handle: FileHandle,
    /** How long it was when it was opened, in bytes; undefined for a block device, which does not tell. */
    readonly length: number | undefined,
  ) {}

  /**
   * Opens a regular file or a block device. Nothing else holds it up: not a pipe nobody writes into, for example.
   *
   * @param field - the argument that the path is
   * @throws InvalidInputError if there is no such file, it may not be read, or is something else
   * @throws FileError
   */
  static async open(field: string, path: string): Promise<InputFile> {
    checkPath(field, path);
    // Without O_NONBLOCK, opening a pipe waits for somebody to write into it.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
      throw openError(field, error);
    });
    try {
      const stats = await handle.stat();
      if (!stats.isFile() && !stats.isBlockDevice()) throw new InvalidInputError(field, `${path} is ${kindOf(stats)}`);
      return new InputFile(path, handle, stats.isFile() ? stats.size : undefined);
    } catch (error) {
      await handle.close().catch(() => undefined);
      throw error;
    }
  }

  /**
   * Reads at `position`. Returns the number of bytes, 0 at the end.
   *
   * @throws FileError also when the file is not as long any more as it was: somebody writes it
   */
  async read(target: Buffer, position: number): Promise<number> {
    const { bytesRead } = await this.handle.read(target, 0, target.length, position).catch((error: unknown) => {
      throw new FileError(`${this.path} cannot be read: ${messageOf(error)}`, { cause: error });
    });
    const { length = position + bytesRead } = this;
    if (bytesRead === 0 ? position < length : position + bytesRead > length) {
      throw new FileError(`${this.path} had ${length} bytes when it was opened, and not any more: somebody writes it`);
    }
    return bytesRead;
  }

  /** Never throws. */
  async close(): Promise<void> {
    await this.handle.close().catch(() => undefined);
  }
}

/** @throws InvalidInputError unless it can be a path */
export function checkPath(field: string, path: unknown): asserts path is string {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new InvalidInputError(field, 'must be a path: a string that is not empty and has no NUL in it');
  }
}

/** What opening a path failed with, typed. */
export function openError(field: string, error: unknown): InvalidInputError | FileError {
  const message = `cannot be opened: ${messageOf(error)}`;
  const { code = '' } = error as NodeJS.ErrnoException;
  if (unusable.has(code)) return new InvalidInputError(field, message, { cause: error });
  // The limits on open files are other people's, and they close theirs.
  return new FileError(`${field} ${message}`, { cause: error, retryable: code === 'EMFILE' || code === 'ENFILE' });
}

/** What is no regular file, in words. */
export function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a pipe';
  if (stats.isSocket()) return 'a socket';
  return stats.isBlockDevice() ? 'a block device' : 'a character device';
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
