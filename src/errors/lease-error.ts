import { VmdkDriverError } from './vmdk-driver-error.js';

/** An NFC lease went into its error state, timed out, or does not offer the volume's disk. */
export class LeaseError extends VmdkDriverError {
  static override readonly brand: string = 'LeaseError';
  readonly code = 'LEASE_FAILED';
}
