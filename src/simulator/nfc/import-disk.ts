import type { IncomingMessage, ServerResponse } from 'node:http';
import { anySignal } from '../../any-signal.js';
import { decodeVmdkStream, InvalidVmdkError } from '../../vmdk/index.js';
import { Fault, fault } from '../fault.js';
import { diskSink } from '../operations/disk-sink.js';
import type { World } from '../world.js';
import { breakStream, InjectedStatus } from './break-stream.js';
import { hashed } from './hashed.js';
import type { Lease, LeaseDevice } from './lease.js';
import type { PlannedTransferFault } from './transfer-faults.js';

/**
 * Receives a disk. What is no whole stream-optimized VMDK, or does not fit, ends the lease with an error. Rejects where the
 * connection is to be cut.
 */
export async function importDisk(
  world: World,
  lease: Lease,
  device: LeaseDevice,
  request: IncomingMessage,
  response: ServerResponse,
  planned: PlannedTransferFault | undefined,
): Promise<void> {
  const { file } = device;
  const gone = new AbortController();
  request.on('close', () => {
    if (!request.complete) gone.abort();
  });
  const signal = anySignal(lease.ended, gone.signal, world.closed);
  const restarted = device.transfer === 'failed';
  device.transfer = 'open';
  file.opened++;
  device.bytes = 0;
  device.sent = undefined;
  try {
    if (restarted) await file.raw.clear();
    const body = hashed(counted(breakStream(request, planned, signal), device));
    await decodeVmdkStream(body.stream, diskSink(file), { workers: world.settings.codecWorkers, signal });
    if (request.method === 'PUT') file.makeThick();
    device.sent = body.digest();
    device.transfer = 'done';
    world.registry.changed();
    response.writeHead(request.method === 'PUT' ? 201 : 200).end();
  } catch (error) {
    device.transfer = 'failed';
    world.registry.changed();
    if (error instanceof InjectedStatus) {
      refuse(request, response, error.status, error.message);
      return;
    }
    const reason = leaseFault(error, device);
    if (reason === undefined || gone.signal.aborted || lease.isOver) throw error;
    await world.leases.fail(lease, reason);
    refuse(request, response, 500, reason.message);
  } finally {
    file.opened--;
  }
}

/** Answers although the body may not have been read; nothing else can come over this connection. */
function refuse(request: IncomingMessage, response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain', Connection: 'close' }).end(message);
  request.resume();
}

async function* counted(source: AsyncIterable<Buffer>, device: LeaseDevice): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    device.bytes += chunk.length;
    yield chunk;
  }
}

/** The fault a failed upload ends its lease with; undefined where the upload was broken off and nothing is wrong with its bytes. */
function leaseFault(error: unknown, { targetId }: LeaseDevice): Fault | undefined {
  if (error instanceof Fault) return error;
  if (error instanceof InvalidVmdkError) {
    return fault('SystemError', { reason: error.message }, `Failed to read ${targetId}: ${error.message}`);
  }
  return undefined;
}
