import type { ErrorCode, VmdkDriverError } from '../index.js';

/** What a process ends with, by how its command ended. Stable: scripts go by them. */
export const exitCodes = {
  /** It did what it was told. */
  done: 0,
  /** It did not, for a reason that none of the others is. */
  failed: 1,
  /** It was not told what to do: an option is missing, wrong or unknown. */
  usage: 2,
  /** It may succeed later: somebody else works on the volume, a server asks for patience. */
  busy: 3,
  /** The backup is not what was stored, or nothing that can be restored. */
  corrupt: 4,
  /** A server was not reached, showed another certificate, or refused the login. */
  connection: 5,
  /** Ctrl-C. */
  cancelled: 130,
} as const;

/** How a command ended. */
export type Outcome = keyof typeof exitCodes;

/** What an error of this code comes to; `undefined`: that depends on whether it may pass by itself. */
const outcomes: Readonly<Record<ErrorCode, Outcome | undefined>> = {
  ABORTED: 'cancelled',
  BACKING_IN_USE: 'busy',
  BACKING_INVALID: 'failed',
  BACKUP_CORRUPT: 'corrupt',
  BACKUP_NOT_FOUND: 'failed',
  BACKUP_SERVICE_FAILED: undefined,
  FILE_FAILED: 'failed',
  INVALID_INPUT: 'usage',
  INVALID_LOGIN: 'connection',
  INVALID_VMDK: 'corrupt',
  LEASE_FAILED: undefined,
  NO_TEMPORARY_SPACE: 'failed',
  NO_VALID_DATASTORE: 'failed',
  NO_VALID_HOST: 'failed',
  OBJECT_NOT_FOUND: 'failed',
  OWNERSHIP_LOST: undefined,
  REPOSITORY_DAMAGED: 'corrupt',
  RESTORE_FAILED: undefined,
  STORE_FAILED: undefined,
  TEMPORARY_DIRECTORY_UNUSABLE: 'failed',
  THREAD_FAILED: undefined,
  TLS_VERIFICATION_FAILED: 'connection',
  TRANSFER_FAILED: undefined,
  TRANSFER_STALLED: undefined,
  UNSUPPORTED_BACKUP: 'corrupt',
  VIM_CONNECTION_FAILED: 'connection',
  VIM_FAULT: undefined,
  VIM_PROTOCOL: 'failed',
  VOLUME_BUSY: 'busy',
  VOLUME_HAS_SNAPSHOTS: 'failed',
  VOLUME_TOO_SMALL: 'failed',
  WRONG_KEY: 'connection',
};

/** Why a store fails that was not reached, or did not let us in. */
const storeConnection: readonly unknown[] = ['connection', 'credentials', 'denied', 'tls'];

/** How a command ended that failed with this error. */
export function outcomeOf(error: VmdkDriverError): Outcome {
  if ('reason' in error && error.code === 'STORE_FAILED' && storeConnection.includes(error.reason)) return 'connection';
  return outcomes[error.code] ?? (error.retryable ? 'busy' : 'failed');
}

/** How a command ended that waited for a job which failed with this. */
export function outcomeOfJob({ code, retryable }: { readonly code: string; readonly retryable: boolean }): Outcome {
  const outcome = Object.hasOwn(outcomes, code) ? outcomes[code as ErrorCode] : 'failed';
  return outcome ?? (retryable ? 'busy' : 'failed');
}

/** Whether it is an error of this library's: by its code, so that no command has to load the library for that. */
export function isVmdkDriverError(error: unknown): error is VmdkDriverError {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && Object.hasOwn(outcomes, error.code)
  );
}
