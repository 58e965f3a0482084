import { VmdkDriverError } from './vmdk-driver-error.js';

/** The vSphere server's reply is not what its API says: a required element is missing or has another type. */
export class VimProtocolError extends VmdkDriverError {
  static override readonly brand: string = 'VimProtocolError';
  readonly code = 'VIM_PROTOCOL';
}
