import { open } from 'node:fs/promises';
import { BackupCorruptError, BackupServiceError, InvalidInputError } from '../errors/index.js';
import type { Backup } from '../model/backup.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import type { Operation } from '../operation/operation.js';
import { serviceProgress } from '../operation/service-progress.js';
import { claimChunks } from '../stream/chunk-readable.js';
import type { ChunkSource, LookAtBytes } from '../stream/chunk-source.js';
import { cutPadding } from '../stream/cut-padding.js';
import { FileChunks } from '../stream/file-chunks.js';
import { LookedAtChunks } from '../stream/looked-at-chunks.js';
import { ReadableChunks } from '../stream/readable-chunks.js';
import { asRestoringError, createTemporaryFile } from './temporary-file.js';

/** A backup's stream as its service gives it back. Disposing of it deletes the temporary file, where there is one. */
export interface StoredStream extends AsyncDisposable {
  /** Opens the stream, as it is stored, each time anew. All bytes are looked at as they come. */
  readonly open: (look: LookAtBytes) => Promise<ChunkSource>;
}

/** A stored stream in a temporary file. */
export interface StoredFile extends StoredStream {
  readonly path: string;
}

/** Whether bytes can flow straight out of the service. */
export function givesStreams({ config, backupService }: Operation): boolean {
  const canBeOpened = backupService.openRestore !== undefined;
  if (config.transfer === 'stream' && !canBeOpened) {
    throw new InvalidInputError('config.transfer', 'the backup service gives no streams');
  }
  return config.transfer !== 'file' && canBeOpened;
}

/** Has the service open the backup as a stream, which then flows without a temporary file. */
export function streamFromService(
  operation: Operation,
  backup: Backup,
  manifest: BackupManifest | undefined,
): StoredStream {
  const { backupService, signal } = operation;
  return {
    async open(look) {
      const opened = await backupService.openRestore?.(backup, { manifest, signal });
      if (opened === undefined) throw new BackupServiceError('the backup service gives no streams');
      const { stream, length } = opened;
      // A store may give zeros behind the end, which are left out.
      if (manifest !== undefined && length !== undefined && length < manifest.streamBytes) {
        stream.destroy();
        throw new BackupCorruptError(
          `the stored stream has ${length} bytes, its manifest says ${manifest.streamBytes}`,
        );
      }
      const chunks = claimChunks(stream);
      return chunks === undefined ? new ReadableChunks(stream, { look }) : new LookedAtChunks(chunks, look);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Has the service restore the backup into a temporary file (blueprint: "Call `backup_service.restore()` to download the
 * stream-optimized virtual disk file to a temporary directory").
 */
export async function fileFromService(
  operation: Operation,
  backup: Backup,
  volumeId: string,
  manifest: BackupManifest | undefined,
): Promise<StoredFile> {
  const { backupService, config, progress, signal } = operation;
  const file = await createTemporaryFile(config.tmpDir, manifest?.streamBytes ?? 0, operation);
  try {
    progress.enter('fetch', manifest?.streamBytes);
    const onProgress = serviceProgress(progress);
    await backupService.restore(backup, volumeId, file, { manifest, signal, onProgress });
    if (manifest !== undefined) await cutPadding(file.path, manifest.streamBytes);
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw asRestoringError(error, config.tmpDir);
  }
  return {
    path: file.path,
    open: async (look) => new LookedAtChunks(new FileChunks(await open(file.path)), look),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}
