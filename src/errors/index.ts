export { AbortError, throwIfAborted } from './abort-error.js';
export {
  BackupCorruptError,
  BackupNotFoundError,
  BackupServiceError,
  UnsupportedBackupError,
} from './backup-errors.js';
export type { ErrorCode } from './error-code.js';
export { FileError } from './file-error.js';
export { InvalidInputError } from './invalid-input-error.js';
export { InvalidLoginError } from './invalid-login-error.js';
export { InvalidVmdkError, type InvalidVmdkReason } from './invalid-vmdk-error.js';
export { LeaseError } from './lease-error.js';
export { NoValidDatastoreError, type RejectedCandidate } from './no-valid-datastore-error.js';
export { NoValidHostError } from './no-valid-host-error.js';
export type { Phase } from './phase.js';
export { RepositoryDamagedError, WrongKeyError } from './repository-errors.js';
export { ObjectNotFoundError, StoreError, type StoreFailure } from './store-errors.js';
export { NoTemporarySpaceError, TemporaryDirectoryError } from './temporary-storage-errors.js';
export { ThreadError } from './thread-error.js';
export { TlsVerificationError } from './tls-verification-error.js';
export { TransferError, TransferStalledError } from './transfer-error.js';
export { VimConnectionError, type CallOutcome } from './vim-connection-error.js';
export { isVimFault, VimFault } from './vim-fault.js';
export { VimProtocolError } from './vim-protocol-error.js';
export { VmdkDriverError, type Cleanup, type ErrorDetails } from './vmdk-driver-error.js';
export {
  BackingInUseError,
  BackingInvalidError,
  OwnershipLostError,
  RestoreError,
  VolumeBusyError,
  VolumeHasSnapshotsError,
  VolumeTooSmallError,
} from './volume-errors.js';
