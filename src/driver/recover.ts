import { readdir, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { ResolvedConfig } from '../operation/driver-config.js';
import { throwIfAborted, VmdkDriverError } from '../errors/index.js';
import type { RestoreJournal } from '../journal/restore-journal.js';
import type { Logger } from '../logger.js';
import { isRunning } from '../restore/run-restoration.js';
import { resolveRestore, type Resolution } from '../restore/resolve-restore.js';
import { listTemporaryVms } from '../restore/temporary-vm.js';
import type { VimSession } from '../vim/vim-session.js';
import { isInUse, ownerOfTemporaryFile } from './temporary-file.js';

/** What became of one restore that had not ended. */
export interface RecoveredRestore {
  readonly volumeId: string;
  /** Who ran it, and since when (ISO 8601). */
  readonly owner: string;
  readonly startedAt: string;
  /**
   * `completed`: the volume has the restored disk; `undone`: it is as it was before; `running`: left alone, since it is
   * too young or its process lives; `failed`: could not be ended now, `error` says why.
   */
  readonly outcome: Resolution | 'running' | 'failed';
  readonly error?: unknown;
}

/** What recovery did. */
export interface RecoveryReport {
  readonly restores: readonly RecoveredRestore[];
  /** Temporary files of dead processes that were deleted. */
  readonly temporaryFiles: readonly string[];
}

/** What recovery needs. */
export interface Recovery {
  readonly vim: VimSession;
  readonly config: ResolvedConfig;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Operations younger than this are left alone, in milliseconds. */
  readonly olderThanMs: number;
}

/**
 * Ends what dead processes left: restores, by the journal their temporary VMs carry, and temporary files. It may run
 * beside living operations and be repeated.
 */
export async function recover(recovery: Recovery): Promise<RecoveryReport> {
  const restores: RecoveredRestore[] = [];
  for (const temporary of await listTemporaryVms(recovery.vim)) {
    throwIfAborted(recovery.signal);
    const { volumeId, owner, startedAt } = temporary.journal;
    const found = { volumeId, owner, startedAt };
    if (isAlive(recovery, temporary.journal)) {
      restores.push({ ...found, outcome: 'running' });
      continue;
    }
    try {
      restores.push({ ...found, outcome: await resolveRestore(recovery.vim, temporary) });
    } catch (error) {
      if (!(error instanceof VmdkDriverError)) throw error;
      recovery.logger.warn({ volumeId, error }, 'a restore could not be ended');
      restores.push({ ...found, outcome: 'failed', error });
    }
  }
  return { restores, temporaryFiles: await sweepTemporaryFiles(recovery) };
}

/** Whether a restore may still be run by somebody. */
function isAlive({ olderThanMs }: Recovery, journal: RestoreJournal): boolean {
  if (isRunning(journal)) return true;
  const [host, pid] = splitOwner(journal.owner);
  if (host === hostname() && pid !== process.pid && processLives(pid)) return true;
  return Date.now() - Date.parse(journal.startedAt) < olderThanMs;
}

function splitOwner(owner: string): [host: string, pid: number] {
  const colon = owner.lastIndexOf(':');
  return [owner.slice(0, colon), Number(owner.slice(colon + 1))];
}

function processLives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Not allowed to signal it: it lives, and is somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Deletes the temporary files whose process is dead. The process id stands in the name. */
async function sweepTemporaryFiles({ config, olderThanMs, logger }: Recovery): Promise<string[]> {
  const names = await readdir(config.tmpDir).catch(() => []);
  const swept: string[] = [];
  for (const name of names) {
    const pid = ownerOfTemporaryFile(name);
    if (pid === undefined || isInUse(name) || (pid !== process.pid && processLives(pid))) continue;
    const path = join(config.tmpDir, name);
    try {
      const { mtimeMs } = await stat(path);
      if (Date.now() - mtimeMs < olderThanMs) continue;
      await unlink(path);
      swept.push(path);
    } catch (error) {
      // Another recovery was quicker, or it is not ours to delete.
      logger.warn({ path, error }, 'a temporary file could not be deleted');
    }
  }
  return swept;
}
