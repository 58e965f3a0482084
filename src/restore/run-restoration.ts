import type { Operation } from '../operation/operation.js';
import { VmdkDriverError } from '../errors/index.js';
import type { RestoreJournal } from '../journal/restore-journal.js';
import type { ImportedVm } from './import-temporary-vm.js';
import type { Restoration } from './restoration.js';
import { resolveRestore, type Resolution } from './resolve-restore.js';
import { listTemporaryVms } from './temporary-vm.js';

/** A restoration that took effect. */
export interface Restored {
  readonly imported: ImportedVm;
  /** Whether everything the restore made besides the volume's disk is gone. */
  readonly cleanup: 'done' | 'pending';
}

/** The restores of this process that are under way: recovery leaves them alone. */
const running = new Set<string>();

/** Whether a restore is under way in this process. */
export function isRunning({ operation }: Pick<RestoreJournal, 'operation'>): boolean {
  return running.has(operation);
}

/**
 * Runs a restoration and ends it, whichever way it went: forward where the volume has its new disk, back otherwise. Where
 * the server cannot be reached for that, what is left carries the journal and `recover()` ends it.
 */
export async function runRestoration(
  operation: Operation,
  journal: RestoreJournal,
  restoration: Restoration,
): Promise<Restored> {
  running.add(journal.operation);
  let imported: ImportedVm | undefined;
  try {
    imported = await restoration.importDisk();
    operation.progress.enter('swap');
    await restoration.takeEffect(imported);
  } catch (error) {
    const { resolution, cleanup } = await end(operation, journal);
    // The step that failed may have been the look at what the exchange had achieved.
    if (resolution === 'completed' && imported !== undefined) return { imported, cleanup };
    if (error instanceof VmdkDriverError && cleanup === 'pending') error.cleanup = cleanup;
    throw error;
  } finally {
    running.delete(journal.operation);
  }
  operation.progress.enter('cleanup');
  const { cleanup } = await end(operation, journal);
  return { imported, cleanup };
}

/** How a restore was ended, as far as that is known. */
interface Ending {
  readonly resolution: Resolution | undefined;
  readonly cleanup: 'done' | 'pending';
}

/** Ends the restore by what is in the inventory now; `pending` where that cannot be done, or not to its end. */
async function end({ vim, logger }: Operation, { operation, volumeId }: RestoreJournal): Promise<Ending> {
  let resolution: Resolution | undefined;
  try {
    const temporary = (await listTemporaryVms(vim)).find(({ journal }) => journal.operation === operation);
    if (temporary !== undefined) await resolveRestore(vim, temporary, (found) => (resolution = found));
    return { resolution, cleanup: 'done' };
  } catch (error) {
    logger.warn({ volumeId, operation, error }, 'a restore could not be ended; recover() will');
    return { resolution, cleanup: 'pending' };
  }
}
