import { AbortError } from '../errors/index.js';
import type { Backup } from '../model/backup.js';
import type { Operation } from '../operation/operation.js';
import { assertIsBackup } from '../stream/assert-is-backup.js';
import { ChunkReadable } from '../stream/chunk-readable.js';
import { DigestedChunks } from '../stream/digested-chunks.js';
import { OwnBytes } from '../stream/own-bytes.js';
import { verifyVmdk, type VmdkInfo } from '../vmdk/index.js';
import { parseManifestOf } from './parse-arguments.js';
import { fileFromService, givesStreams, type StoredStream, streamFromService } from './stored-stream.js';

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

  await using stored = givesStreams(operation)
    ? streamFromService(operation, backup, manifest)
    : await fileFromService(operation, backup, backup.volumeId, manifest);
  const { streamBytes, sha256, info } = await verifyStream(operation, stored, manifest?.streamBytes);
  if (manifest !== undefined) assertIsBackup({ streamBytes, sha256, sha1: undefined, info }, manifest);
  return { backupId: backup.id, streamBytes, sha256, disk: info, comparedWithManifest: manifest !== undefined };
}

interface Verified {
  readonly streamBytes: number;
  readonly sha256: string;
  readonly info: VmdkInfo;
}

async function verifyStream(
  { progress, signal }: Operation,
  stored: StoredStream,
  least: number | undefined,
): Promise<Verified> {
  progress.enter('validate');
  const padding = new PaddingCut(least);
  const chunks = new DigestedChunks(await stored.open((bytes) => padding.look(bytes)));
  const stream = new ChunkReadable(chunks);
  try {
    const info = await verifyVmdk(stream, {
      signal,
      onProgress: ({ coveredBytes, capacityBytes, bytesDone }) => {
        progress.advance({ bytesDone: coveredBytes, bytesTotal: capacityBytes, streamBytes: bytesDone });
      },
    });
    const { sha256 = '' } = chunks.digests;
    return { streamBytes: chunks.streamBytes, sha256, info: { ...info, paddingBytes: padding.bytes } };
  } catch (error) {
    throw signal.aborted ? new AbortError(signal) : error;
  } finally {
    stream.destroy();
  }
}

/**
 * Leaves out what follows a stream's end. What is wrong with the stream is left in: verification finds it, in the stream's
 * order.
 */
class PaddingCut {
  readonly #own: OwnBytes;
  #isWrong = false;

  constructor(least: number | undefined) {
    this.#own = new OwnBytes(least);
  }

  get bytes(): number {
    return this.#own.inspector.paddingBytes;
  }

  look(bytes: Uint8Array): number {
    if (this.#isWrong) return bytes.length;
    try {
      return this.#own.take(bytes);
    } catch {
      this.#isWrong = true;
      return bytes.length;
    }
  }
}
