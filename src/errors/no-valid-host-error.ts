import { dataWithoutSecrets } from './known-secrets.js';
import type { RejectedCandidate } from './no-valid-datastore-error.js';
import { type ErrorDetails, VmdkDriverError } from './vmdk-driver-error.js';

/** No host of the clusters that may be used can take a VM: none is connected and out of maintenance mode. */
export class NoValidHostError extends VmdkDriverError {
  static override readonly brand: string = 'NoValidHostError';
  readonly code = 'NO_VALID_HOST';
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
