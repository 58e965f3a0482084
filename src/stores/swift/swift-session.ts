import type { Expiring } from '../http/renewable.js';

/** A token, and where it is good for. */
export interface SwiftSession extends Expiring {
  readonly token: string;
  /** URL of the account, without a slash at its end. */
  readonly storageUrl: string;
}
