import type { Operation } from '../operation/operation.js';
import type { RestoreSource } from '../stream/restore-source.js';
import type { MeasuredStream } from '../stream/stream-meter.js';
import type { MoRef } from '../vim/schema/index.js';
import { pickDiskUrl } from './device-url.js';
import type { NfcLease } from './nfc-lease.js';
import { asTransferError, transfer } from './transfer.js';

/**
 * How a stream-optimized disk is sent, whatever form the disk itself is to have: as govmomi and ovftool do. A PUT that overwrites
 * would allocate a thin disk.
 */
const asStream = { method: 'POST', headers: { 'Content-Type': 'application/x-vnd.vmware-streamVmdk' } } as const;

/** What came of an import. */
export interface SentDisk {
  /** The VM the lease made (`HttpNfcLeaseInfo.entity`). */
  readonly entity: MoRef;
  readonly measured: MeasuredStream;
}

/**
 * Sends a stream into an import's lease, the mirror image of {@link receiveDisk}. When it resolves, the server has taken
 * every byte, the stream was the backup's, and the lease is completed.
 *
 * @param host the ESXi host that is to take the disk
 * @param requestLease asks for the lease (`ImportVApp`) and resolves once it is ready; called when the transfer's turn has come
 */
export async function sendDisk(
  operation: Operation,
  host: MoRef | undefined,
  requestLease: () => Promise<NfcLease>,
  source: RestoreSource,
): Promise<SentDisk> {
  const { vim, config, slots, signal, progress } = operation;
  using _slot = await slots.take(host?.value ?? vim.host, { signal });
  let onBytes = (_bytesDone: number): void => undefined;
  // Before the lease: where the service tells a wrong length, no temporary VM need come and go.
  const { stream, length, verify } = await source.open((bytesDone) => {
    onBytes(bytesDone);
  });
  using _stream = { [Symbol.dispose]: () => stream.destroy() };
  await using lease = await requestLease();
  const disk = pickDiskUrl(lease.info, vim);

  const needs = { lease, stallTimeoutMs: config.stallTimeoutMs, signal };
  const measured = await transfer(needs, async (scope) => {
    onBytes = (bytesDone) => {
      scope.moved(bytesDone / length);
      progress.advance({ bytesDone, streamBytes: bytesDone });
    };
    progress.enter('import', length);
    const { thumbprint, certificate } = disk;
    const options = { length, thumbprint, certificate, signal: scope.signal };
    await vim.upload(disk.url, stream, { ...asStream, ...options }).catch((error: unknown) => {
      throw asTransferError(error);
    });
    return verify();
  });
  await lease.complete({ signal });
  return { entity: lease.info.entity, measured };
}
