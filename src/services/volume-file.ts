import { constants, type FileHandle, open, stat } from 'node:fs/promises';
import { InvalidInputError, throwIfAborted } from '../errors/index.js';
import { quietly } from '../quietly.js';
import type { ServiceRestoreOptions } from './backup-service.js';
import { checkStream } from './check-stream.js';
import { HashingFileWriter } from './hashing-file-writer.js';
import { isChecked, type StoredStream } from './record-shape.js';

/**
 * Opens a file that is to be stored.
 *
 * @throws InvalidInputError where it is not a regular file
 */
export async function openSource(path: string): Promise<FileHandle> {
  // Before it is opened: opening a pipe would wait for its writer.
  if (!(await stat(path)).isFile()) throw new InvalidInputError('file.path', 'must be a regular file');
  return open(path, 'r');
}

/**
 * Opens a file that is to be filled, and leaves it as it is for now.
 *
 * @throws InvalidInputError where it is not a regular file
 */
export async function openTarget(path: string): Promise<FileHandle> {
  // Not 'w', which would empty the file before it is known what it is.
  const target = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    if (!(await target.stat()).isFile()) throw new InvalidInputError('file.path', 'must be a regular file');
    return target;
  } catch (error) {
    await target.close();
    throw error;
  }
}

/**
 * Fills a file with a backup's bytes, whatever it held, and makes them durable. Where it fails, the file is left empty.
 *
 * A caller who has the backup's manifest holds the bytes against it: then only their number is checked here.
 *
 * @throws BackupCorruptError where the bytes are not those that were stored
 */
export async function fillTarget(
  target: FileHandle,
  chunks: AsyncIterable<Uint8Array>,
  stored: StoredStream,
  { manifest, signal, onProgress: listener }: ServiceRestoreOptions,
): Promise<void> {
  const onProgress = quietly(listener);
  const writer = new HashingFileWriter(target, isChecked(stored, manifest) ? stored : undefined);
  try {
    await target.truncate(0);
    let bytesDone = 0;
    for await (const chunk of chunks) {
      throwIfAborted(signal);
      await writer.write(chunk);
      bytesDone += chunk.length;
      onProgress?.({ bytesDone, bytesTotal: stored.streamBytes });
    }
    checkStream(stored, await writer.finish());
    await target.sync();
    throwIfAborted(signal);
  } catch (error) {
    await writer.settle();
    await target.truncate(0).catch(() => undefined);
    throw error;
  }
}

/**
 * {@link fillTarget} for a file that is opened for that.
 *
 * @throws InvalidInputError where it is not a regular file
 */
export async function fillFile(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  stored: StoredStream,
  options: ServiceRestoreOptions,
): Promise<void> {
  const target = await openTarget(path);
  try {
    await fillTarget(target, chunks, stored, options);
  } finally {
    await target.close();
  }
}
