import type { IncomingMessage, ServerResponse } from 'node:http';
import type { World } from '../world.js';
import { exportDisk } from './export-disk.js';
import { importDisk } from './import-disk.js';
import type { TransferFaults } from './transfer-faults.js';

/** Moves disks over HTTPS, for those who hold a lease. */
export class NfcService {
  readonly #world: World;
  readonly #faults: TransferFaults;

  constructor(world: World, faults: TransferFaults) {
    this.#world = world;
    this.#faults = faults;
  }

  /** Whether a request is for this service. */
  static serves(url: string): boolean {
    return url.startsWith('/nfc/');
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, ticket = '', targetId = ''] = /^\/nfc\/([^/]+)\/([^/?]+)$/.exec(request.url ?? '') ?? [];
    const found = this.#world.leases.find(ticket, targetId);
    if (found === undefined) {
      answer(request, response, 404, 'no such ticket');
      return;
    }
    const { lease, device } = found;
    if (request.headers.cookie !== undefined) device.cookieReceived = true;
    const { method = '' } = request;
    const problem =
      lease.state !== 'ready'
        ? { status: 403, message: `the lease is ${lease.state}` }
        : device.transfer === 'open'
          ? { status: 409, message: 'a transfer of this disk is under way' }
          : lease.kind === 'export'
            ? exportProblem(method)
            : importProblem(request);
    if (problem !== undefined) {
      answer(request, response, problem.status, problem.message);
      return;
    }
    const planned = this.#faults.take(lease.kind);
    if (lease.kind === 'export') await exportDisk(this.#world, lease, device, response, planned);
    else await importDisk(this.#world, lease, device, request, response, planned);
  }
}

interface Problem {
  readonly status: number;
  readonly message: string;
}

function exportProblem(method: string): Problem | undefined {
  return method === 'GET' ? undefined : { status: 405, message: 'a disk is exported by GET' };
}

function importProblem({ method, headers }: IncomingMessage): Problem | undefined {
  switch (method) {
    case 'POST':
      return headers['content-type'] === 'application/x-vnd.vmware-streamVmdk'
        ? undefined
        : { status: 415, message: 'the content type must be application/x-vnd.vmware-streamVmdk' };
    case 'PUT':
      return headers['overwrite'] === 't'
        ? undefined
        : { status: 409, message: 'the disk exists: Overwrite: t is needed' };
    default:
      return { status: 405, message: 'a disk is imported by POST or PUT' };
  }
}

function answer(request: IncomingMessage, response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain', Connection: 'close' }).end(message);
  request.resume();
}
