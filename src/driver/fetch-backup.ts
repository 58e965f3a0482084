import { stat } from 'node:fs/promises';
import { InvalidInputError } from '../errors/index.js';
import type { Backup } from '../model/backup.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import type { Operation } from '../operation/operation.js';
import { assertIsBackup } from '../stream/assert-is-backup.js';
import { drain } from '../stream/drain.js';
import { fileSource, type RestoreSource, streamSource } from '../stream/restore-source.js';
import { type MeasuredStream, StreamMeter } from '../stream/stream-meter.js';
import { fileFromService, givesStreams, type StoredFile, streamFromService } from './stored-stream.js';
import { asTemporaryFileError } from './temporary-file.js';

/** A backup on its way back, and how it gets rid of what it needed for that. */
export interface FetchedBackup extends AsyncDisposable {
  readonly source: RestoreSource;
}

/**
 * Fetches a backup from its service. A file is validated to its last byte here: length, SHA-256 and structure, in one pass.
 * A stream, where the service gives one and a manifest says what it must be, is validated as it passes.
 */
export async function fetchBackup(
  operation: Operation,
  backup: Backup,
  volumeId: string,
  manifest: BackupManifest | undefined,
): Promise<FetchedBackup> {
  if (givesStreams(operation)) {
    if (manifest !== undefined) {
      const stored = streamFromService(operation, backup, manifest);
      return { source: streamSource(manifest, stored.open), [Symbol.asyncDispose]: stored[Symbol.asyncDispose] };
    }
    if (operation.config.transfer === 'stream') {
      throw new InvalidInputError('manifest', "is needed for config.transfer 'stream', to know the stream by");
    }
  }
  const stored = await fileFromService(operation, backup, volumeId, manifest);
  try {
    const measured = await measureFile(operation, stored, manifest?.streamBytes);
    if (manifest !== undefined) assertIsBackup(measured, manifest);
    return { source: storedSource(operation, stored, measured), [Symbol.asyncDispose]: stored[Symbol.asyncDispose] };
  } catch (error) {
    await stored[Symbol.asyncDispose]();
    throw error;
  }
}

/** What it fails to open with is typed at once: a restore that fails notes on its error what is left. */
function storedSource({ config }: Operation, { path }: StoredFile, measured: MeasuredStream): RestoreSource {
  const source = fileSource(path, measured);
  return {
    ...source,
    open: (onBytes) =>
      source.open(onBytes).catch((error: unknown) => {
        throw asTemporaryFileError(error, config.tmpDir);
      }),
  };
}

/** Reads a file to its end: what it is, and whether it is whole. */
async function measureFile(
  { progress, signal }: Operation,
  stored: StoredFile,
  streamBytes: number | undefined,
): Promise<MeasuredStream> {
  const { size } = await stat(stored.path);
  progress.enter('validate', size);
  const meter = await StreamMeter.open(stored.open, {
    onBytes(come) {
      progress.advance({ bytesDone: come.streamBytes, streamBytes: come.streamBytes });
    },
    streamBytes,
  });
  await drain(meter, signal);
  return meter.measured;
}
