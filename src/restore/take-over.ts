import { setTimeout as sleep } from 'node:timers/promises';
import { extraConfig } from '../backing/vm-config.js';
import { isVimFault, RestoreError, VimConnectionError } from '../errors/index.js';
import { writeJournal } from '../journal/restore-journal.js';
import { thisOwner } from '../process/owner.js';
import { runTask } from '../vim/run-task.js';
import type { MoRef } from '../vim/schema/index.js';
import { serverTime } from '../vim/server-time.js';
import { runningTasksEnd } from '../vim/settle.js';
import type { VimSession } from '../vim/vim-session.js';
import { whenFree } from '../vim/when-free.js';
import { claimOn } from './fencing.js';
import { atVersion } from './ownership.js';
import { type JournalledVm, readTemporaryVm } from './temporary-vm.js';

/** How often it is tried while others change the VM, or replies are lost. */
const tries = 8;
const pauseMs = 250;

/** Who owns a temporary VM after somebody wanted to. */
export type TakenOver =
  | { readonly claim: 'held'; readonly vm: JournalledVm }
  /** Gone; somebody else's; or held by a lease, which only its holder can end. */
  | { readonly claim: 'gone' | 'lost' | 'leased' };

/** Under which token a temporary VM is to be owned, and from whom it may be taken. */
export interface NewOwner {
  readonly token: string;
  /** Where absent, whoever has it when it is first looked at. */
  readonly takesFrom?: string | undefined;
}

/**
 * Takes a temporary VM over at the version it was read at. A lost reply is looked up: it is one's own only if one's own token
 * stands there. What its former owner sent under the version before is refused from then on.
 */
export async function takeOver(vim: VimSession, ref: MoRef, { token, takesFrom }: NewOwner): Promise<TakenOver> {
  let from = takesFrom;
  for (let attempt = 1; ; attempt++) {
    const vm = await readTemporaryVm(vim, ref);
    if (vm === undefined) return { claim: 'gone' };
    // Published meanwhile: it is nobody's temporary VM any more.
    if (vm.journal === undefined) return { claim: 'lost' };
    from ??= vm.journal.token;
    const claim = claimOn(vm.sight, token, from);
    if (claim === 'held') return { claim, vm: { ...vm, journal: vm.journal } };
    if (claim !== 'take') return { claim };
    try {
      const stamp = (await serverTime(vim)).toISOString();
      const spec = { ...atVersion(vm), extraConfig: extraConfig(writeJournal({ token, owner: thisOwner.id, stamp })) };
      await whenFree(vim, () => runTask(vim, 'ReconfigVM_Task', ref, { spec }));
    } catch (error) {
      if (isVimFault(error, 'TaskInProgress')) return { claim: 'leased' };
      if (error instanceof VimConnectionError && error.retryable) await runningTasksEnd(vim, ref);
      else if (!isVimFault(error, 'ConcurrentAccess', 'ManagedObjectNotFound')) throw error;
      if (attempt === tries) {
        throw new RestoreError(`the temporary VM ${vm.name} could not be taken over`, {
          cause: error,
          retryable: true,
        });
      }
      await sleep(pauseMs);
    }
  }
}
