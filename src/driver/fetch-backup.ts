import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { BackupCorruptError, BackupServiceError, InvalidInputError } from '../errors/index.js';
import { drain } from '../stream/drain.js';
import { StreamMeter, type MeasuredStream } from '../stream/stream-meter.js';
import { fileSource, streamSource, type RestoreSource } from '../stream/restore-source.js';
import type { Backup } from '../model/backup.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import type { Operation } from '../operation/operation.js';
import { serviceProgress } from '../operation/service-progress.js';
import { asTemporaryFileError, createTemporaryFile } from './temporary-file.js';
import { chunkBytes } from '../stream/chunk-bytes.js';
import { assertIsBackup } from '../stream/assert-is-backup.js';
import { cutPadding } from '../stream/cut-padding.js';

/** A backup on its way back, and how it gets rid of what it needed for that. */
export interface FetchedBackup extends AsyncDisposable {
  readonly source: RestoreSource;
}

/**
 * Fetches a backup from its service (blueprint: "Call `backup_service.restore()` to download the stream-optimized virtual
 * disk file to a temporary directory"). A file is validated to its last byte here: length, SHA-256 and structure. A
 * stream, where the service gives one and a manifest says what it must be, is validated as it passes.
 */
export async function fetchBackup(
  operation: Operation,
  backup: Backup,
  volumeId: string,
  manifest: BackupManifest | undefined,
): Promise<FetchedBackup> {
  if (streamsFrom(operation)) {
    if (manifest !== undefined) return fetchAsStream(operation, backup, manifest);
    if (operation.config.transfer === 'stream') {
      throw new InvalidInputError('manifest', "is needed for config.transfer 'stream', to know the stream by");
    }
  }
  return fetchAsFile(operation, backup, volumeId, manifest);
}

/** Whether bytes flow straight out of the service. */
function streamsFrom({ config, backupService }: Operation): boolean {
  const givesStreams = backupService.openRestore !== undefined;
  if (config.transfer === 'stream' && !givesStreams) {
    throw new InvalidInputError('config.transfer', 'the backup service gives no streams');
  }
  return config.transfer !== 'file' && givesStreams;
}

function fetchAsStream(operation: Operation, backup: Backup, manifest: BackupManifest): FetchedBackup {
  const { backupService, signal } = operation;
  const source = streamSource(manifest, async () => {
    const opened = await backupService.openRestore?.(backup, { signal });
    if (opened === undefined) throw new BackupServiceError('the backup service gives no streams');
    const { stream, length } = opened;
    // A store may give zeros behind the end, which are left out.
    if (length !== undefined && length < manifest.streamBytes) {
      stream.destroy();
      throw new BackupCorruptError(`the stored stream has ${length} bytes, its manifest says ${manifest.streamBytes}`);
    }
    return stream;
  });
  return { source, [Symbol.asyncDispose]: () => Promise.resolve() };
}

async function fetchAsFile(
  operation: Operation,
  backup: Backup,
  volumeId: string,
  manifest: BackupManifest | undefined,
): Promise<FetchedBackup> {
  const { backupService, config, progress, signal } = operation;
  const file = await createTemporaryFile(config.tmpDir, manifest?.streamBytes ?? 0);
  try {
    progress.enter('fetch', manifest?.streamBytes);
    await backupService.restore(backup, volumeId, file, { signal, onProgress: serviceProgress(progress) });
    if (manifest !== undefined) await cutPadding(file.path, manifest.streamBytes);
    const measured = await measureFile(operation, file.path, manifest?.streamBytes);
    if (manifest !== undefined) assertIsBackup(measured, manifest);
    return { source: fileSource(file.path, measured), [Symbol.asyncDispose]: () => file[Symbol.asyncDispose]() };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw asTemporaryFileError(error, config.tmpDir);
  }
}

/** Reads a file to its end: what it is, and whether it is whole. */
async function measureFile(
  { progress, signal }: Operation,
  path: string,
  streamBytes: number | undefined,
): Promise<MeasuredStream> {
  const { size } = await stat(path);
  progress.enter('validate', size);
  const onBytes = (): void => {
    progress.advance({ bytesDone: meter.streamBytes, streamBytes: meter.streamBytes });
  };
  const meter = new StreamMeter(onBytes, { streamBytes });
  const file = createReadStream(path, { highWaterMark: chunkBytes });
  // The meter fails with the file's error.
  pipeline(file, meter, () => undefined);
  await drain(meter, signal);
  return meter.measured;
}
