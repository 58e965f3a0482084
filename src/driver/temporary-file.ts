import { access, constants, stat, statfs, unlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import { file } from 'tmp-promise';
import { NoTemporarySpaceError, TemporaryDirectoryError, VmdkDriverError } from '../errors/index.js';

/** What every temporary file's name begins with; `recover()` knows leftovers by it. */
export const temporaryFilePrefix = 'vmdk-driver';

/** A regular file for one stream, readable by its owner only. Disposing of it deletes it. */
export interface TemporaryFile extends AsyncDisposable {
  readonly path: string;
}

/**
 * Makes an empty temporary file.
 *
 * @param neededBytes what it will hold, as far as that is known; the directory must have as much free
 * @throws TemporaryDirectoryError where the directory is missing or not writable
 * @throws NoTemporarySpaceError where it has less than `neededBytes` free
 */
export async function createTemporaryFile(directory: string, neededBytes: number): Promise<TemporaryFile> {
  await assertUsable(directory);
  await assertFree(directory, neededBytes);
  // The descriptor is closed at once: a backup service may want the path, and must find it closed.
  const { path } = await file({
    tmpdir: resolve(directory),
    prefix: temporaryFilePrefix,
    postfix: '.vmdk',
    mode: 0o600,
    discardDescriptor: true,
  }).catch((error: unknown) => {
    throw new TemporaryDirectoryError(`config.tmpDir: ${directory}: no file can be made`, { cause: error });
  });
  return {
    path,
    async [Symbol.asyncDispose]() {
      await unlink(path).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      });
    },
  };
}

/** Makes the error of a temporary file's disk typed; every other error stays what it is. */
export function asTemporaryFileError(error: unknown, directory: string): unknown {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new NoTemporarySpaceError(`config.tmpDir: ${directory} is full`, { cause: error, retryable: true });
  }
  if (error instanceof VmdkDriverError || syscall === undefined) return error;
  return new TemporaryDirectoryError(`config.tmpDir: ${directory}: ${code ?? 'unknown error'}`, { cause: error });
}

async function assertUsable(directory: string): Promise<void> {
  try {
    const stats = await stat(directory);
    if (!stats.isDirectory()) throw new TemporaryDirectoryError(`config.tmpDir: ${directory} is no directory`);
    await access(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof TemporaryDirectoryError) throw error;
    throw new TemporaryDirectoryError(`config.tmpDir: ${directory} is missing or not writable`, { cause: error });
  }
}

async function assertFree(directory: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const freeBytes = bavail * bsize;
  if (freeBytes < neededBytes) {
    throw new NoTemporarySpaceError(
      `config.tmpDir: ${directory} has ${freeBytes} bytes free where up to ${neededBytes} are needed`,
      { retryable: true },
    );
  }
}
