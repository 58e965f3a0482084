import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { anySignal } from '../../any-signal.js';
import { encodeVmdkStream } from '../../vmdk/index.js';
import { spacedDiskUuid } from '../storage/disk-uuid.js';
import type { World } from '../world.js';
import { breakStream } from './break-stream.js';
import { hashed } from './hashed.js';
import type { Lease, LeaseDevice } from './lease.js';
import type { PlannedTransferFault } from './transfer-faults.js';

/** Sends a disk as a stream-optimized VMDK. Rejects where the connection is to be cut. */
export async function exportDisk(
  world: World,
  { ended }: Lease,
  device: LeaseDevice,
  response: ServerResponse,
  planned: PlannedTransferFault | undefined,
): Promise<void> {
  if (planned?.kind === 'status') {
    response.writeHead(planned.status, { 'Content-Type': 'text/html' }).end('<html>injected</html>');
    return;
  }
  const gone = new AbortController();
  response.on('close', () => {
    gone.abort();
  });
  const signal = anySignal(ended, gone.signal, world.closed);
  device.transfer = 'open';
  device.file.opened++;
  device.bytes = 0;
  device.sent = undefined;
  try {
    const prepared = world.preparedExports.find(device.file);
    const length =
      prepared?.size ??
      (world.settings.exportLength === 'content-length' ? await streamLength(world, device, signal) : undefined);
    const counted = prepared === undefined ? hashed(encode(world, device, signal)) : undefined;
    const source = counted?.stream ?? fileStream(prepared?.file ?? '', signal);
    response.writeHead(200, {
      'Content-Type': 'application/x-vnd.vmware-streamVmdk',
      ...(length === undefined ? {} : { 'Content-Length': length }),
    });
    // Where the length is told, a client is done with the last chunk: that waits until everything is noted.
    let last: Buffer | undefined;
    for await (const chunk of breakStream(source, planned, signal)) {
      signal.throwIfAborted();
      device.bytes += chunk.length;
      if (device.bytes === length) last = chunk;
      else if (!response.write(chunk)) await once(response, 'drain', { signal });
    }
    if (planned?.kind === 'truncate' && length !== undefined) throw new Error('a body of known length was truncated');
    // Before the client can have seen the end: it may complete the lease at once.
    device.sent = prepared ?? counted?.digest();
    device.transfer = 'done';
    response.end(last);
  } catch (error) {
    device.transfer = 'failed';
    throw error;
  } finally {
    device.file.opened--;
  }
}

function encode(world: World, { file }: LeaseDevice, signal: AbortSignal): AsyncGenerator<Buffer> {
  return encodeVmdkStream(file.raw, {
    adapterType: file.adapterType,
    uuid: spacedDiskUuid(file.uuid),
    workers: world.settings.codecWorkers,
    signal,
  });
}

async function streamLength(world: World, device: LeaseDevice, signal: AbortSignal): Promise<number> {
  let length = 0;
  for await (const chunk of encode(world, device, signal)) length += chunk.length;
  return length;
}

function fileStream(file: string, signal: AbortSignal): AsyncIterable<Buffer> {
  return createReadStream(file, { highWaterMark: 2 ** 20, signal });
}
