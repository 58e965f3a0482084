import type { Cleanup, RestoreError } from '../errors/index.js';

/** What became of a restore: `completed`, the volume has the restored disk; `undone`, it is as it was. */
export type Resolution = 'completed' | 'undone';

/** How a restore was ended, as far as that is known. */
export interface Ending {
  /** `undefined` where it could not be found out. */
  readonly resolution: Resolution | undefined;
  readonly cleanup: Cleanup;
  /** Datastore paths of files that were kept, since somebody refers to them, or may. */
  readonly kept: readonly string[];
  /** Whether somebody else took the restore over, and ends it or has ended it. */
  readonly lost: boolean;
  /** Whether a lease holds the temporary VM, which only its holder can end: it is over when that times out. */
  readonly leased: boolean;
  /** Why not everything could be removed, where it could not. */
  readonly error?: unknown;
  /** What is wrong with the volume's new disk, or why that cannot be told; its old one was not destroyed then. */
  readonly unproved?: RestoreError | undefined;
}

export const undone: Ending = { resolution: 'undone', cleanup: 'done', kept: [], lost: false, leased: false };
