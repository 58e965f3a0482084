import { VmdkDriverError } from './vmdk-driver-error.js';

/** A repository lacks an object that a backup needs, or one of them is not what was stored. Other backups may be whole. */
export class RepositoryDamagedError extends VmdkDriverError {
  static override readonly brand: string = 'RepositoryDamagedError';
  readonly code = 'REPOSITORY_DAMAGED';
}

/** The passphrase, or the key the application gave, is not the repository's. */
export class WrongKeyError extends VmdkDriverError {
  static override readonly brand: string = 'WrongKeyError';
  readonly code = 'WRONG_KEY';
}
