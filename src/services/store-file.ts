import { throwIfAborted } from '../errors/index.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import { quietly } from '../quietly.js';
import type { ChunkSource } from '../stream/chunk-source.js';
import { DigestedChunks } from '../stream/digested-chunks.js';
import { FileChunks } from '../stream/file-chunks.js';
import { hashedFile } from '../stream/hashed-bytes.js';
import { type Attempt, discard } from './attempt-writer.js';
import type { ServiceBackupOptions, ServiceOptions } from './backup-service.js';
import type { HashedSource } from './staged-file.js';
import { openSource } from './volume-file.js';

/** An attempt that also takes a file whose manifest nobody gave. */
export interface FileAttempt extends Omit<Attempt, 'commit'> {
  /** Whether it has all of the file's bytes already, and none are to be written. */
  readonly isWhole?: boolean;
  commit(manifest: BackupManifest | undefined, signal: AbortSignal | undefined): Promise<void>;
}

/**
 * Stores a file's bytes by an attempt, from the first to the last, and leaves nothing of the attempt where that fails.
 *
 * @param begin begins the attempt, once the file is open; it gets the file where the driver hashed it, and nobody wrote to it since
 * @throws InvalidInputError where it is not a regular file
 */
export async function storeFile(
  path: string,
  { manifest, signal, onProgress: listener }: ServiceBackupOptions,
  begin: (source: HashedSource | undefined) => Promise<FileAttempt>,
): Promise<void> {
  const onProgress = quietly(listener);
  const stream = await hashedFile(path);
  const handle = await openSource(path);
  const file = new FileChunks(handle);
  // Where it was not hashed before, it is on its way to the attempt, which then need not do it.
  const chunks = stream === undefined ? new DigestedChunks(file) : file;
  try {
    const bytesTotal = (await handle.stat()).size;
    const attempt = await begin(stream && { path, stream });
    try {
      if (attempt.isWhole === true) onProgress?.({ bytesDone: bytesTotal, bytesTotal });
      else await writeAll(chunks, attempt, bytesTotal, { signal, onProgress });
      if (stream !== undefined && (await hashedFile(path)) === undefined) throw changed();
      await attempt.commit(manifest, signal);
    } finally {
      await discard(attempt);
    }
  } finally {
    await chunks.close();
  }
}

async function writeAll(
  chunks: ChunkSource,
  attempt: FileAttempt,
  bytesTotal: number,
  { signal, onProgress }: ServiceOptions,
): Promise<void> {
  let bytesDone = 0;
  for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) {
    throwIfAborted(signal);
    await attempt.write(chunk);
    bytesDone += chunk.length;
    chunks.release(chunk);
    onProgress?.({ bytesDone, bytesTotal });
  }
  if (bytesDone !== bytesTotal) throw changed();
}

function changed(): Error {
  return new Error('the file changed while it was stored');
}
