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

/** What an error of this code comes to that does not pass by itself. */
const outcomes: Readonly<Record<ErrorCode, Outcome>> = {
  ABORTED: 'cancelled',
  BACKING_IN_USE: 'busy',
  BACKING_INVALID: 'failed',
  BACKUP_CORRUPT: 'corrupt',
  BACKUP_NOT_FOUND: 'failed',
  BACKUP_SERVICE_FAILED: 'failed',
  FILE_FAILED: 'failed',
  INVALID_INPUT: 'usage',
  INVALID_LOGIN: 'connection',
  INVALID_VMDK: 'corrupt',
  LEASE_FAILED: 'failed',
  NO_TEMPORARY_SPACE: 'failed',
  NO_VALID_DATASTORE: 'failed',
  NO_VALID_HOST: 'failed',
  OBJECT_NOT_FOUND: 'failed',
  OWNERSHIP_LOST: 'failed',
  REPOSITORY_DAMAGED: 'corrupt',
  RESTORE_FAILED: 'failed',
  STORE_FAILED: 'failed',
  TEMPORARY_DIRECTORY_UNUSABLE: 'failed',
  THREAD_FAILED: 'failed',
  TLS_VERIFICATION_FAILED: 'connection',
  TRANSFER_FAILED: 'failed',
  TRANSFER_STALLED: 'failed',
  UNSUPPORTED_BACKUP: 'corrupt',
  VIM_CONNECTION_FAILED: 'connection',
  VIM_FAULT: 'failed',
  VIM_PROTOCOL: 'failed',
  VOLUME_BUSY: 'busy',
  VOLUME_HAS_SNAPSHOTS: 'failed',
  VOLUME_TOO_SMALL: 'failed',
  WRONG_KEY: 'connection',
};

/** Why a store fails that was not reached, or did not let us in. */
const storeConnection: readonly unknown[] = ['connection', 'credentials', 'denied', 'tls'];

/** What is known of a failure: an error of this library's, or what a job has of one. */
interface Failure {
  readonly code: string;
  readonly retryable: boolean;
  /** A store's says why. */
  readonly reason?: unknown;
}

/** How a command ended that failed with this, or waited for a job that did. */
export function outcomeOf({ code, retryable, reason }: Failure): Outcome {
  if (code === 'STORE_FAILED' && storeConnection.includes(reason)) return 'connection';
  const outcome = isErrorCode(code) ? outcomes[code] : 'failed';
  return retryable && (outcome === 'failed' || outcome === 'corrupt') ? 'busy' : outcome;
}

/** How a recovery ended, which goes on past a restore that it cannot end. */
export function outcomeOfRecovery(restores: readonly { readonly outcome: string }[]): Outcome {
  return restores.some(({ outcome }) => outcome === 'failed') ? 'failed' : 'done';
}

/** Whether it is an error of this library's: by its code, so that no command has to load the library for that. */
export function isVmdkDriverError(error: unknown): error is VmdkDriverError {
  return error instanceof Error && 'code' in error && isErrorCode(error.code);
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(outcomes, code);
}
