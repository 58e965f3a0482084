import type { DiskReplacement, RestoreJournal } from '../journal/restore-journal.js';
import type { Logger } from '../logger.js';
import { parseDatastorePath } from '../model/datastore-path.js';
import type { MoRef } from '../vim/schema/index.js';
import type { VimSession } from '../vim/vim-session.js';
import { type BackingState, fenceBacking, readBackingState } from './backing-state.js';
import { isImported, isOwnFolder } from './check-claim.js';
import { type Cleaning, cleanUp, endClean } from './clean-up.js';
import { currentPaths, datastoreRef } from './datastore-address.js';
import type { Ending, Resolution } from './ending.js';
import { type ExchangeState, exchangeState } from './fencing.js';
import { type Doubt, doubtAbout, whatIsWrongByJournal } from './prove-exchange.js';
import { putBack } from './put-back.js';
import { type NewOwner, takeOver } from './take-over.js';
import type { JournalledVm } from './temporary-vm.js';

/** Who ends a replacement, and what he knows. */
export interface ReplacementEnd extends NewOwner {
  /** The backing, as its reference is now. */
  readonly backing: MoRef;
  /** What is known for certain; where absent, the backing is asked. */
  readonly known?: ExchangeState | undefined;
  /** Whether an exchange may still be on its way. */
  readonly mustFence: boolean;
  /** Tells what is wrong with the disk of an exchange that was made; where absent, it is told by the journal. */
  readonly prove?: (() => Promise<string | undefined>) | undefined;
  readonly logger: Logger;
}

/**
 * Ends a restore to an existing volume, whoever began it and wherever it stopped: forward where the backing says that it has
 * the new disk, back otherwise. The last step of a good restore, the undo of a failed one and `recover()` are all this.
 *
 * In this order: take the temporary VM over, so that nothing its former owner sent can change it any more; move the backing's
 * version on, so that no exchange can come any more; ask the backing what it has, which is final then; prove the new disk, where
 * nobody has; and remove what is superfluous, the temporary VM last.
 *
 * An old disk is superfluous only beside a new one that is proved. Beside one that is not as it should be it is kept, and reported.
 * Where that cannot be told now, the temporary VM stays for who ends the restore later.
 */
export async function endReplacement(vim: VimSession, ref: MoRef, end: ReplacementEnd): Promise<Ending> {
  const owner = await takeOver(vim, ref, end);
  if (owner.claim !== 'held') {
    const { claim } = owner;
    return {
      resolution: undefined,
      cleanup: claim === 'gone' ? 'done' : 'pending',
      kept: [],
      lost: claim !== 'leased',
      leased: claim === 'leased',
    };
  }
  const { journal } = owner.vm;
  if (end.mustFence) await fenceBacking(vim, end.backing);
  const { state, backing } = await stateOf(vim, ref, journal, end);
  const resolution: Resolution = state === 'completed' ? 'completed' : 'undone';
  // Final: what is then removed does not change it.
  const { token, logger } = end;
  const doubt = state === 'completed' ? await doubtAboutEnd(vim, journal, backing, end) : undefined;
  const ending = await endClean(resolution, async () => {
    if (doubt?.isCertain === false) throw doubt.error;
    const cleaning = await whatToClean(vim, owner.vm, state, backing, end);
    const kept = doubt === undefined ? {} : { notOurs: cleaning.removedDisk };
    return cleanUp(vim, { ...cleaning, ...kept, ref, token, backing: end.backing, logger });
  });
  return { ...ending, unproved: doubt?.error };
}

async function doubtAboutEnd(
  vim: VimSession,
  { replacement }: RestoreJournal,
  found: BackingState | undefined,
  { known, backing, prove }: ReplacementEnd,
): Promise<Doubt | undefined> {
  const byJournal = replacement && (() => whatIsWrongByJournal(vim, backing, replacement));
  const proof = prove ?? byJournal;
  if (known === 'completed' || proof === undefined) return undefined;
  const { removedDisk } = found?.marks ?? {};
  return doubtAbout(proof, removedDisk === undefined ? 'its old disk is kept' : `its old disk is kept: ${removedDisk}`);
}

/** What became of the exchange; a backing that has no disk gets the old one back. */
async function stateOf(
  vim: VimSession,
  ref: MoRef,
  journal: RestoreJournal,
  { known, backing: backingRef, token, logger }: ReplacementEnd,
): Promise<{ readonly state: ExchangeState; readonly backing: BackingState | undefined }> {
  if (known === 'undone') return { state: known, backing: undefined };
  const backing = await readBackingState(vim, backingRef);
  const { replacement } = journal;
  if (backing.disks.length === 0 && replacement?.move !== undefined) {
    const after = await putBack(vim, { ref, token, journal, replacement, move: replacement.move, logger }, backing);
    return { state: exchangeState(after.marks.operation, journal.operation), backing: after };
  }
  return { state: exchangeState(backing.marks.operation, journal.operation), backing };
}

/**
 * What is to be removed, by addresses as they are now. Who made the restore knows what is its own; anybody else must be able to
 * tell.
 */
async function whatToClean(
  vim: VimSession,
  vm: JournalledVm,
  state: ExchangeState,
  backing: BackingState | undefined,
  { known }: ReplacementEnd,
): Promise<Omit<Cleaning, 'ref' | 'token' | 'backing' | 'logger'>> {
  const { journal } = vm;
  const { replacement } = journal;
  const datacenter: MoRef | undefined = replacement && { type: 'Datacenter', value: replacement.datacenter };
  const isOwn = (path: string): boolean =>
    known !== undefined ||
    backing === undefined ||
    isImported(path, vm) ||
    isOwnFolder(parseDatastorePath(path).folder, journal, backing);
  const nowhere = { datastore: undefined, removedDatastore: undefined };
  const none = { planned: undefined, removedDisk: undefined, notOurs: undefined };
  const nothing = { state, datacenter, ...none, ...nowhere };
  if (state === 'undone') {
    const planned = replacement?.move && (await withCurrentNames(vim, replacement.move));
    if (planned === undefined || datacenter === undefined) return nothing;
    const notOurs = isOwn(planned.newDisk) ? undefined : planned.newDisk;
    return { ...nothing, planned, datastore: datastoreRef(planned.datastore), notOurs };
  }
  const { removedDisk: path, removedDatastore } = backing?.marks ?? {};
  if (path === undefined || removedDatastore === undefined) return nothing;
  const removedDisk = (await currentPaths(vim, removedDatastore))(path);
  const notOurs = isOwn(path) ? undefined : removedDisk;
  return { ...nothing, removedDisk, removedDatastore: datastoreRef(removedDatastore), notOurs };
}

async function withCurrentNames(
  vim: VimSession,
  { datastore, importedDisk, newDisk }: NonNullable<DiskReplacement['move']>,
): Promise<NonNullable<DiskReplacement['move']>> {
  const current = await currentPaths(vim, datastore);
  return { datastore, importedDisk: current(importedDisk), newDisk: current(newDisk) };
}
