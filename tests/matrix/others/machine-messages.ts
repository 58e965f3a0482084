import type { BackupManifest, Volume } from '../../../src/index.js';
import type { Backup } from '../../../src/services/index.js';
import type { LabAddress } from '../lab.js';
import type { TransferPath } from '../scenario.js';

/** What the other machine is to do. */
export type MachineOrder =
  | { readonly what: 'recover'; readonly address: LabAddress }
  | {
      readonly what: 'restore';
      readonly address: LabAddress;
      readonly transfer: TransferPath;
      readonly backup: Backup;
      readonly volume: Volume;
      readonly manifest: BackupManifest;
    };

/** An error, as it goes from one process to another. */
export interface RemoteError {
  readonly code: string | undefined;
  readonly message: string;
  readonly retryable: boolean;
  readonly cleanup: string | undefined;
}

/** What became of one restore, as the other machine's `recover()` said. */
export interface RemoteRestore {
  readonly volumeId?: string | undefined;
  readonly outcome: string;
  readonly error: RemoteError | undefined;
}

/** What the other machine did. */
export type MachineResult =
  | { readonly error: RemoteError }
  /** Of `recover()`. */
  | { readonly restores: readonly RemoteRestore[] }
  /** Of a restore. */
  | { readonly cleanup: string };

export type ToMachine =
  { readonly id: number; readonly order: MachineOrder } | { readonly id: number; readonly cancel: true };

export interface FromMachine {
  readonly id: number;
  readonly result: MachineResult;
}
