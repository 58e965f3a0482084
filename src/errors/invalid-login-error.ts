import { VmdkDriverError } from './vmdk-driver-error.js';

/** The vSphere server refused user name or password (`InvalidLogin`). */
export class InvalidLoginError extends VmdkDriverError {
  static override readonly brand: string = 'InvalidLoginError';
  readonly code = 'INVALID_LOGIN';
}
