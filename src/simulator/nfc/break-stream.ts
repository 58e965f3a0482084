import { once } from 'node:events';
import type { PlannedTransferFault } from './transfer-faults.js';

/** The fault's moment has come and the connection is to be cut. */
export class TransferReset extends Error {
  constructor() {
    super('the connection was cut (injected)');
  }
}

/** Passes a body on, and lets the fault happen to it. A `status` comes true here only for imports. */
export async function* breakStream(
  source: AsyncIterable<Buffer>,
  planned: PlannedTransferFault | undefined,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let position = 0;
  for await (const chunk of source) {
    const offset = planned === undefined ? chunk.length : planned.atByte - position;
    position += chunk.length;
    if (planned === undefined || offset >= chunk.length || offset < 0) {
      yield chunk;
      continue;
    }
    switch (planned.kind) {
      case 'corrupt': {
        const changed = Buffer.from(chunk);
        changed[offset] = (changed[offset] ?? 0) ^ 0xff;
        yield changed;
        break;
      }
      case 'truncate':
        yield chunk.subarray(0, offset);
        return;
      case 'stall':
        yield chunk.subarray(0, offset);
        if (!signal.aborted) await once(signal, 'abort');
        throw new TransferReset();
      case 'reset':
        yield chunk.subarray(0, offset);
        throw new TransferReset();
      case 'status':
        throw new InjectedStatus(planned.status);
    }
  }
}

/** The fault's moment has come and the request is to be answered with a status. */
export class InjectedStatus extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`status ${status} (injected)`);
    this.status = status;
  }
}
