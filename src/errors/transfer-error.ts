import { type ErrorDetails, VmdkDriverError } from './vmdk-driver-error.js';

/** Disk bytes did not arrive whole: an HTTP status, a cut connection, a length that is not the announced one. */
export class TransferError extends VmdkDriverError {
  static override readonly brand: string = 'TransferError';
  readonly code: 'TRANSFER_FAILED' | 'TRANSFER_STALLED' = 'TRANSFER_FAILED';
  /** The HTTP status, where the peer answered with another than success. */
  readonly status: number | undefined;

  constructor(message: string, details: ErrorDetails & { status?: number } = {}) {
    super(message, { retryable: true, ...details });
    this.status = details.status;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), ...(this.status === undefined ? {} : { status: this.status }) };
  }
}

/** No byte moved for the whole of the stall timeout. */
export class TransferStalledError extends TransferError {
  static override readonly brand: string = 'TransferStalledError';
  override readonly code = 'TRANSFER_STALLED';

  constructor(
    stallTimeoutMs: number,
    { advice, ...details }: ErrorDetails & { readonly advice?: string | undefined } = {},
  ) {
    super([`no byte moved for ${stallTimeoutMs.toString()} ms`, advice].filter(Boolean).join('; '), details);
  }
}
