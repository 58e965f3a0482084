import type { Backing } from '../backing/backing.js';
import { asBackingError } from '../backing/backing-faults.js';
import { InvalidVmdkError, isVimFault, LeaseError, TransferError, VimFault } from '../errors/index.js';
import type { Operation } from '../operation/operation.js';
import type { LookAtBytes } from '../stream/chunk-source.js';
import { type ChunkTaker, pour } from '../stream/pour.js';
import { ReadableChunks } from '../stream/readable-chunks.js';
import { type MeasuredStream, StreamMeter } from '../stream/stream-meter.js';
import { type DiskUrl, pickDiskUrl } from './device-url.js';
import { NfcLease } from './nfc-lease.js';
import { asTransferError, transfer } from './transfer.js';

/** Where an exported disk's bytes go. Disposed of when no more come, whether all did or not; that never throws. */
export interface DiskSink extends ChunkTaker, AsyncDisposable {
  /** Says that all came. It has them once this resolves. */
  close(): Promise<void>;
}

/**
 * Exports a backing's disk in stream-optimized form into a sink (blueprint: "Download the stream-optimized version of the
 * virtual disk"). When it resolves, the sink has the whole stream, the stream is a whole VMDK of the disk's capacity, its
 * length and checksum are what the server says they are, and the lease is completed.
 *
 * @param openSink called when the transfer's turn has come, before anything is asked of the server
 */
export async function receiveDisk(
  operation: Operation,
  backing: Backing,
  openSink: () => Promise<DiskSink>,
): Promise<MeasuredStream> {
  const { vim, config, slots, signal, progress } = operation;
  const { capacityBytes } = backing.disk;
  using _slot = await slots.take(backing.host?.value ?? vim.host, { signal });
  await using sink = await openSink();
  await using lease = await NfcLease.open(operation, () =>
    vim.invoke('ExportVm', backing.ref, {}).catch(async (error: unknown) => {
      throw await asBackingError(vim, error, backing.name);
    }),
  );
  const disk = pickDiskUrl(lease.info, vim);
  const sha1 = !(await requestSha256(operation, lease, disk));
  progress.enter('export', capacityBytes);

  let chunks: ReadableChunks | undefined;
  // A backup service that takes its time is no dead peer: its limits are its own, as with a file.
  const isExcused = () => chunks?.isAhead ?? false;
  const needs = {
    direction: 'export',
    host: new URL(disk.url).host,
    lease,
    stallTimeoutMs: config.stallTimeoutMs,
    isExcused,
    signal,
  } as const;
  const measured = await transfer(needs, async (scope) => {
    const { url, thumbprint, certificate } = disk;
    const { stream, length } = await vim.download(url, { thumbprint, certificate, signal: scope.signal });
    const openSource = (look: LookAtBytes) => {
      chunks = new ReadableChunks(stream, { look, asError: asTransferError });
      return Promise.resolve(chunks);
    };
    const meter = await StreamMeter.open(openSource, {
      sha1,
      onBytes({ coveredBytes, streamBytes }) {
        scope.moved(coveredBytes / capacityBytes);
        progress.advance({ bytesDone: Math.min(coveredBytes, capacityBytes), streamBytes });
      },
    });
    await pour(meter, sink, scope.signal).catch((error: unknown) => {
      throw mayComeWhole(error);
    });
    const { measured } = meter;
    if (length !== undefined && length !== receivedBytes(measured)) {
      throw new TransferError(`${receivedBytes(measured)} bytes arrived where ${length} were announced`);
    }
    return measured;
  });

  await sink.close();
  assertCapacity(measured, capacityBytes);
  await assertManifest(operation, lease, disk, measured);
  await lease.complete({ signal });
  return measured;
}

/** What the server sent, zeros behind the stream's end included. */
function receivedBytes({ streamBytes, info }: MeasuredStream): number {
  return streamBytes + info.paddingBytes;
}

/** A stored stream that ends early stays so; what a server sends may come whole the next time. */
function mayComeWhole(error: unknown): unknown {
  if (!(error instanceof InvalidVmdkError) || error.reason !== 'truncated') return error;
  const { reason, offset } = error;
  return new InvalidVmdkError(reason, offset, 'the export ended early', { cause: error, retryable: true });
}

/** The stream must be of the disk it was asked of; a capacity is whole sectors, and may be rounded up to a grain. */
function assertCapacity({ info, streamBytes }: MeasuredStream, capacityBytes: number): void {
  if (info.capacityBytes !== capacityBytes) {
    throw new InvalidVmdkError(
      'bad-capacity',
      streamBytes,
      `the stream is of a disk of ${info.capacityBytes} bytes, the volume's has ${capacityBytes}`,
    );
  }
}

/** Asks for SHA-256 in the lease's manifest (API 6.7); an older server keeps to SHA-1. */
async function requestSha256({ vim, signal }: Operation, lease: NfcLease, disk: DiskUrl): Promise<boolean> {
  try {
    const deviceUrlsToChecksumTypes = [{ key: disk.key, value: 'sha256' }];
    await vim.invoke('HttpNfcLeaseSetManifestChecksumType', lease.ref, { deviceUrlsToChecksumTypes }, { signal });
    return true;
  } catch (error) {
    if (error instanceof VimFault && !isVimFault(error, 'ManagedObjectNotFound')) return false;
    throw error;
  }
}

/** Compares what arrived with what the server says it sent (`HttpNfcLeaseGetManifest`), where it says so. */
async function assertManifest(
  { vim, signal, logger }: Operation,
  lease: NfcLease,
  disk: DiskUrl,
  measured: MeasuredStream,
): Promise<void> {
  const manifest = await vim.invoke('HttpNfcLeaseGetManifest', lease.ref, {}, { signal }).catch((error: unknown) => {
    if (isVimFault(error, 'NotSupported', 'MethodNotFound', 'InvalidState')) return undefined;
    if (!(error instanceof VimFault)) throw error;
    throw new LeaseError('the lease was lost before the stream could be checked', { cause: error, retryable: true });
  });
  const entry = manifest?.find(({ key }) => key === disk.key);
  if (entry === undefined) {
    logger.debug({ lease: lease.ref.value }, 'the server gives no manifest of this export');
    return;
  }
  if (entry.size !== receivedBytes(measured)) {
    throw new TransferError(`${receivedBytes(measured)} bytes arrived, the lease's manifest says ${entry.size}`);
  }
  if (measured.info.paddingBytes > 0) {
    logger.debug({ lease: lease.ref.value }, "the export's checksum is of zeros behind the stream's end as well");
    return;
  }
  const [ours, theirs] =
    entry.checksumType === 'sha256' ? [measured.sha256, entry.checksum] : [measured.sha1, entry.sha1];
  // A server may leave a checksum empty that it was not asked for.
  if (ours !== undefined && theirs !== undefined && theirs !== '' && ours !== theirs.toLowerCase()) {
    throw new TransferError("the stream's checksum is not the one in the lease's manifest");
  }
}
