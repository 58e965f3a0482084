import { createReadStream } from 'node:fs';
import { AbortError } from '../errors/index.js';
import { assertIsBackup } from '../stream/assert-is-backup.js';
import type { Backup } from '../model/backup.js';
import { verifyVmdk, type VmdkInfo } from '../vmdk/index.js';
import type { BackupManifest } from '../model/backup-manifest.js';
import type { Operation } from '../operation/operation.js';
import { cutPadding } from '../stream/cut-padding.js';
import { HashOfStream } from '../stream/hash-of-stream.js';
import { parseManifestOf } from './parse-arguments.js';
import { serviceProgress } from '../operation/service-progress.js';
import { asTemporaryFileError, createTemporaryFile } from './temporary-file.js';
import { chunkBytes } from '../stream/chunk-bytes.js';

/** What a stored backup proved to be. A report is only given of a backup that is whole. */
export interface VerificationReport {
  readonly backupId: string;
  /** Length of the stored stream in bytes, and its SHA-256. */
  readonly streamBytes: number;
  readonly sha256: string;
  /** What the stream is: capacity, allocated bytes, layout. */
  readonly disk: VmdkInfo;
  /** Whether there was a manifest to hold the stream against. */
  readonly comparedWithManifest: boolean;
}

/**
 * Reads a stored backup to its end: structure, every grain inflated, length and SHA-256 against the manifest. vCenter is
 * not asked for anything.
 *
 * @throws InvalidVmdkError, BackupCorruptError
 */
export async function verifyBackup(
  operation: Operation,
  backup: Backup,
  givenManifest: unknown,
): Promise<VerificationReport> {
  const { backupService, signal } = operation;
  const kept = givenManifest ?? (await backupService.readManifest?.(backup, { signal }));
  const manifest = kept === undefined ? undefined : parseManifestOf(backup, kept);

  const opened = await backupService.openRestore?.(backup, { signal });
  const { streamBytes, sha256, info } =
    opened === undefined
      ? await verifyThroughFile(operation, backup, manifest)
      : await verifyStream(operation, opened.stream, manifest);
  if (manifest !== undefined) assertIsBackup({ streamBytes, sha256, sha1: undefined, info }, manifest);
  return { backupId: backup.id, streamBytes, sha256, disk: info, comparedWithManifest: manifest !== undefined };
}

interface Verified {
  readonly streamBytes: number;
  readonly sha256: string;
  readonly info: VmdkInfo;
}

async function verifyThroughFile(
  operation: Operation,
  backup: Backup,
  manifest: BackupManifest | undefined,
): Promise<Verified> {
  const { backupService, config, progress, signal } = operation;
  await using file = await createTemporaryFile(config.tmpDir, manifest?.streamBytes ?? 0);
  progress.enter('fetch', manifest?.streamBytes);
  const onProgress = serviceProgress(progress);
  try {
    await backupService.restore(backup, backup.volumeId, file, { signal, onProgress });
    if (manifest !== undefined) await cutPadding(file.path, manifest.streamBytes);
    return await verifyStream(operation, createReadStream(file.path, { highWaterMark: chunkBytes }), manifest);
  } catch (error) {
    throw asTemporaryFileError(error, config.tmpDir);
  }
}

async function verifyStream(
  { progress, signal }: Operation,
  stream: AsyncIterable<Uint8Array>,
  manifest: BackupManifest | undefined,
): Promise<Verified> {
  progress.enter('validate');
  const hash = new HashOfStream();
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream) {
      hash.update(chunk);
      yield chunk;
    }
  }
  try {
    const info = await verifyVmdk(hashed(), {
      signal,
      onProgress: ({ coveredBytes, capacityBytes, bytesDone }) => {
        progress.advance({ bytesDone: coveredBytes, bytesTotal: capacityBytes, streamBytes: bytesDone });
      },
    });
    // A manifest may count some of the zeros behind the end.
    const most = info.streamBytes + info.paddingBytes;
    const streamBytes = Math.max(info.streamBytes, Math.min(most, manifest?.streamBytes ?? 0));
    return { info, streamBytes, sha256: hash.digest(streamBytes) };
  } catch (error) {
    throw signal.aborted ? new AbortError(signal) : error;
  }
}
