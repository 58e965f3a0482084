import { access, constants, stat, statfs, unlink } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { file } from 'tmp-promise';
import {
  BackupServiceError,
  NoTemporarySpaceError,
  TemporaryDirectoryError,
  VmdkDriverError,
} from '../errors/index.js';

/** What every temporary file's name begins with; `recover()` knows leftovers by it. */
export const temporaryFilePrefix = 'vmdk-driver';

/** The files of this process that are in use, by name. */
const inUse = new Set<string>();

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
  await assertTemporaryDirectory(directory);
  await assertFree(directory, neededBytes);
  // The descriptor is closed at once: a backup service may want the path, and must find it closed.
  const { path } = await file({
    tmpdir: resolve(directory),
    prefix: temporaryFilePrefix,
    postfix: '.vmdk',
    mode: 0o600,
    discardDescriptor: true,
    // Else `tmp` remembers each file for as long as the process lives. Disposing of it, and recover(), see to its end.
    keep: true,
  }).catch((error: unknown) => {
    throw new TemporaryDirectoryError(`config.tmpDir: ${directory}: no file can be made`, { cause: error });
  });
  inUse.add(basename(path));
  return {
    path,
    async [Symbol.asyncDispose]() {
      inUse.delete(basename(path));
      await unlink(path).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      });
    },
  };
}

/**
 * The process a file's name says it belongs to; `undefined` where it is no temporary file of this library.
 */
export function ownerOfTemporaryFile(name: string): number | undefined {
  const pid = new RegExp(`^${temporaryFilePrefix}-(\\d+)-.*\\.vmdk$`).exec(name)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

/** Whether this process is using the file. In a container a predecessor often had the same process id. */
export function isInUse(name: string): boolean {
  return inUse.has(name);
}

/**
 * Makes the error of a temporary file's disk typed; every other error stays what it is. A service that restores writes to
 * that disk too: there the error is the cause of the service's.
 */
export function asTemporaryFileError(error: unknown, directory: string): unknown {
  const failure = error instanceof BackupServiceError ? error.cause : error;
  const { code, syscall } = (failure ?? {}) as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new NoTemporarySpaceError(`config.tmpDir: ${directory} is full`, { cause: error, retryable: true });
  }
  if (error instanceof VmdkDriverError || syscall === undefined) return error;
  return new TemporaryDirectoryError(`config.tmpDir: ${directory}: ${code ?? 'unknown error'}`, { cause: error });
}

/**
 * @throws TemporaryDirectoryError where it is missing, no directory or not writable
 */
export async function assertTemporaryDirectory(directory: string): Promise<void> {
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
