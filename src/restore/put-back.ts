import { flatDiskBacking } from '../backing/disk-backing.js';
import { diskExists } from '../backing/virtual-disk.js';
import { isVimFault, OwnershipLostError, RestoreError, VimFault } from '../errors/index.js';
import type { DiskMove, DiskReplacement, RestoreJournal } from '../journal/restore-journal.js';
import type { Logger } from '../logger.js';
import { parseDatastorePath } from '../model/datastore-path.js';
import type { MoRef } from '../vim/schema/index.js';
import type { VimSession } from '../vim/vim-session.js';
import { whenFree } from '../vim/when-free.js';
import { type BackingState, readBackingState } from './backing-state.js';
import { isOwnFolder } from './check-claim.js';
import { currentPaths } from './datastore-address.js';
import { exchangeBackDisk } from './exchange-disk.js';
import { exchangeMark, owns } from './fencing.js';
import { readTemporaryVm } from './temporary-vm.js';

/** How often it is tried while others change the backing. */
const tries = 5;

/** A restore whose exchange was applied by halves. */
export interface HalfExchange {
  readonly ref: MoRef;
  readonly token: string;
  readonly journal: RestoreJournal;
  readonly replacement: DiskReplacement;
  readonly move: DiskMove;
  readonly logger: Logger;
}

/**
 * Attaches the old disk again to a backing that has none. Only a server whose reconfigure is not atomic leaves that. Fenced as
 * every exchange is: the backing is read, then who owns the temporary VM, then it happens at the version that was read.
 *
 * @returns the backing as it is then
 */
export async function putBack(vim: VimSession, half: HalfExchange, found: BackingState): Promise<BackingState> {
  const { ref, token, journal, replacement, move, logger } = half;
  let backing = found;
  for (let attempt = 1; backing.disks.length === 0; attempt++) {
    const { marks } = backing;
    const wasMade = marks.operation === exchangeMark(journal.operation) && marks.removedDisk !== undefined;
    const current = await currentPaths(vim, wasMade ? (marks.removedDatastore ?? move.datastore) : move.datastore);
    const path = current((wasMade ? marks.removedDisk : undefined) ?? replacement.oldDisk);
    if (!isOwnFolder(parseDatastorePath(path).folder, journal, backing)) {
      throw new RestoreError(
        `${backing.name} has no disk, and ${path} is not certainly its own: attach its disk by hand`,
      );
    }
    if (!owns((await readTemporaryVm(vim, ref))?.sight, token)) {
      throw new OwnershipLostError('the restore is being ended by somebody else');
    }
    const exchange = {
      changeVersion: backing.changeVersion,
      remove: undefined,
      add: oldDevice(path, replacement),
      storageProfile: replacement.storageProfile,
      marks: {
        operation: exchangeMark(journal.operation, { back: true }),
        removedDisk: await placeOfNewDisk(vim, half),
        removedDatastore: move.datastore,
      },
    };
    try {
      const { ref: backingRef } = backing;
      const hasPolicy = await whenFree(vim, () => exchangeBackDisk(vim, backingRef, exchange));
      if (!hasPolicy)
        logger.warn({ path }, 'a volume has its old disk again, without its storage policy, which was refused');
    } catch (error) {
      if (!isVimFault(error, 'ConcurrentAccess') || attempt === tries) throw error;
    }
    backing = await readBackingState(vim, backing.ref);
  }
  return backing;
}

/** Where the new disk lies: where it was imported, on a datastore that moved no disk. A file that cannot be asked about is there. */
async function placeOfNewDisk(vim: VimSession, { move, replacement }: HalfExchange): Promise<string> {
  const { newDisk, importedDisk, datastore } = move;
  const path = (await currentPaths(vim, datastore))(newDisk);
  const datacenter: MoRef = { type: 'Datacenter', value: replacement.datacenter };
  const isThere = await diskExists(vim, { path, datacenter }).catch((error: unknown) => {
    if (error instanceof VimFault) return true;
    throw error;
  });
  return isThere ? newDisk : importedDisk;
}

function oldDevice(path: string, { controllerKey, unitNumber, diskMode }: DiskReplacement) {
  return {
    _type: 'VirtualDisk',
    key: -1,
    backing: flatDiskBacking('thin', path, diskMode),
    controllerKey,
    unitNumber,
    // The file tells.
    capacityInKB: 0,
  } as const;
}
