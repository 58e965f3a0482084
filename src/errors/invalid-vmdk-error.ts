import { VmdkDriverError, type ErrorDetails } from './vmdk-driver-error.js';

/** A stream is not a whole, well-formed stream-optimized VMDK. */
export class InvalidVmdkError extends VmdkDriverError {
  static override readonly brand: string = 'InvalidVmdkError';
  readonly code = 'INVALID_VMDK';
  /** What is wrong, as a short stable word such as `truncated` or `grain-out-of-range`. */
  readonly reason: InvalidVmdkReason;
  /** The byte of the stream at which it shows. */
  readonly offset: number;

  constructor(reason: InvalidVmdkReason, offset: number, message: string, details?: ErrorDetails) {
    super(`${message} (at byte ${offset.toString()})`, details);
    this.reason = reason;
    this.offset = offset;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), reason: this.reason, offset: this.offset };
  }
}

/** What can be wrong with a stream; see docs/errors.md for each one's meaning. */
export type InvalidVmdkReason = string;
