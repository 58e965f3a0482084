import { access, constants, lstat, rm, stat, statfs, unlink } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { file } from 'tmp-promise';
import { errnoOf, hasErrno } from '../errors/errno.js';
import { mayPass } from '../errors/foreign-error.js';
import {
  BackupServiceError,
  NoTemporarySpaceError,
  TemporaryDirectoryError,
  VmdkDriverError,
} from '../errors/index.js';
import type { Operation } from '../operation/operation.js';
import { livenessOf, processExists } from '../process/liveness.js';
import { thisOwner } from '../process/owner.js';
import { ownerInName, thisOwnerInName } from '../process/owner-in-name.js';
import { sharedState } from '../process/shared-state.js';

/** What every temporary file's name begins with; `recover()` knows leftovers by it. */
export const temporaryFilePrefix = 'vmdk-driver';

/** The files of this thread that are in use, by name. */
const inUse = sharedState('temporary-files', () => new Set<string>());

/** A regular file for one stream, readable by its owner only. Disposing of it deletes it, and never throws: `recover()` deletes it else. */
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
export async function createTemporaryFile(
  directory: string,
  neededBytes: number,
  { logger, leftovers }: Pick<Operation, 'logger' | 'leftovers'>,
): Promise<TemporaryFile> {
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
  });
  inUse.add(basename(path));
  return {
    path,
    async [Symbol.asyncDispose]() {
      inUse.delete(basename(path));
      await removeTemporaryFile(path).catch((error: unknown) => {
        if (hasErrno(error, 'ENOENT')) return;
        leftovers.note();
        logger.warn({ path, err: error }, 'a temporary file could not be deleted; recover() will');
      });
    },
  };
}

/** Deletes a temporary file, or what a backup service left in its place. Its name is nobody else's. */
async function removeTemporaryFile(path: string): Promise<void> {
  await rm(path, { recursive: true });
}

/**
 * Deletes what has the name of a temporary file: in a directory that others may write to, it may be somebody else's. Into a directory of
 * another user's that user may put links while it is being emptied.
 */
export async function removeLeftover(path: string): Promise<void> {
  const stats = await lstat(path);
  if (stats.isDirectory() && stats.uid === process.geteuid?.()) await removeTemporaryFile(path);
  else await unlink(path);
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
 * Makes the error of a system call typed; every other error stays what it is. An operation has no files but its temporary one, and
 * what others fail with is typed where it comes from.
 */
export function asTemporaryFileError(error: unknown, directory: string): unknown {
  if (error instanceof VmdkDriverError || !isSystemError(error)) return error;
  if (isFull(error)) return noSpace(directory, error);
  const retryable = mayPass(error) || hasErrno(error, 'EMFILE', 'ENFILE');
  return new TemporaryDirectoryError(`config.tmpDir: ${directory}: ${error.code}`, { cause: error, retryable });
}

/** A service that restores writes to the temporary file's disk too: where that is full, the error says so. */
export function asRestoringError(error: unknown, directory: string): unknown {
  return error instanceof BackupServiceError && isFull(error.cause) ? noSpace(directory, error) : error;
}

function isFull(error: unknown): boolean {
  return hasErrno(error, 'ENOSPC', 'EDQUOT');
}

function noSpace(directory: string, cause: unknown): NoTemporarySpaceError {
  return new NoTemporarySpaceError(`config.tmpDir: ${directory} is full`, { cause, retryable: true });
}

function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return errnoOf(error) !== undefined && 'syscall' in (error as Error);
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
