import { dataWithoutSecrets } from './known-secrets.js';
import { type ErrorDetails, VmdkDriverError } from './vmdk-driver-error.js';

/** A datastore or host that was looked at and why it could not be taken. */
export interface RejectedCandidate {
  readonly name: string;
  readonly reason: string;
}

/** No datastore can hold the disk. */
export class NoValidDatastoreError extends VmdkDriverError {
  static override readonly brand: string = 'NoValidDatastoreError';
  readonly code = 'NO_VALID_DATASTORE';
  /** Every candidate and why it was rejected. */
  readonly rejected: readonly RejectedCandidate[];

  constructor(message: string, rejected: readonly RejectedCandidate[], details?: ErrorDetails) {
    super([message, ...rejected.map(({ name, reason }) => `${name}: ${reason}`)].join('; '), details);
    this.rejected = dataWithoutSecrets(rejected) as readonly RejectedCandidate[];
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), rejected: this.rejected };
  }
}
