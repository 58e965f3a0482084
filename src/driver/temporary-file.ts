import { access, constants, stat, statfs, unlink } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { file } from 'tmp-promise';
import { errnoOf } from '../errors/errno.js';
import {
  BackupServiceError,
  NoTemporarySpaceError,
  TemporaryDirectoryError,
  VmdkDriverError,
} from '../errors/index.js';
import { livenessOf, processExists } from '../process/liveness.js';
import { thisOwner } from '../process/owner.js';
import { ownerInName, thisOwnerInName } from '../process/owner-in-name.js';
import { sharedState } from '../process/shared-state.js';

/** What every temporary file's name begins with; `recover()` knows leftovers by it. */
export const temporaryFilePrefix = 'vmdk-driver';

/** The files of this thread that are in use, by name. */
const inUse = sharedState('temporary-files', () => new Set<string>());

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
    prefix: `${temporaryFilePrefix}-${thisOwnerInName}`,
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
 * Whether a file is a temporary one that nobody will go on with.
 *
 * @param olderThanMs how long ago it was last written to, at least, where nothing tells whether its process lives
 */
export async function isLeftover(directory: string, name: string, olderThanMs: number): Promise<boolean> {
  const [, rest, pid] = new RegExp(`^${temporaryFilePrefix}-((\\d+)-.*)\\.vmdk$`).exec(name) ?? [];
  if (rest === undefined || inUse.has(name)) return false;
  const owner = ownerInName(rest);
  const liveness = livenessOf(owner);
  if (liveness === 'dead') return true;
  const mine = owner === undefined ? Number(pid) === process.pid : owner.random === thisOwner.random;
  // Without a start time a number tells only that some process has it.
  const mayLive = owner?.incarnation === undefined ? processExists(Number(pid)) : liveness === 'alive';
  if (!mine && mayLive) return false;
  const { mtimeMs } = await stat(join(directory, name));
  return Date.now() - mtimeMs >= olderThanMs;
}

/**
 * Makes the error of a temporary file's disk typed; every other error stays what it is. A service that restores writes to
 * that disk too: there the error is the cause of the service's.
 */
export function asTemporaryFileError(error: unknown, directory: string): unknown {
  const failure = error instanceof BackupServiceError ? error.cause : error;
  const code = errnoOf(failure);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new NoTemporarySpaceError(`config.tmpDir: ${directory} is full`, { cause: error, retryable: true });
  }
  if (error instanceof VmdkDriverError || code === undefined || !('syscall' in (error as Error))) return error;
  return new TemporaryDirectoryError(`config.tmpDir: ${directory}: ${code}`, { cause: error });
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
