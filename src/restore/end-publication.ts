import type { Logger } from '../logger.js';
import type { MoRef } from '../vim/schema/index.js';
import type { VimSession } from '../vim/vim-session.js';
import { cleanUp, endClean } from './clean-up.js';
import { type Ending, undone } from './ending.js';
import { nextPublicationStep } from './fencing.js';
import { type NewOwner, takeOver } from './take-over.js';
import { readTemporaryVm } from './temporary-vm.js';

/** Who ends a restore to a new volume. */
export interface PublicationEnd extends NewOwner {
  readonly logger: Logger;
}

/**
 * Ends a restore to a new volume: its temporary VM is either published, and then it is the volume's, or it goes. It is taken over
 * before, so that nothing can publish it any more.
 */
export async function endPublication(vim: VimSession, ref: MoRef, end: PublicationEnd): Promise<Ending> {
  const { token, takesFrom, logger } = end;
  const vm = await readTemporaryVm(vim, ref);
  const from = takesFrom ?? vm?.sight.token;
  const step = nextPublicationStep(vm?.sight, token, from);
  if (step === 'completed') return { ...undone, resolution: 'completed' };
  if (step === 'undone') return undone;
  if (step === 'lost') return { ...undone, cleanup: 'pending', lost: true };
  const owner = await takeOver(vim, ref, { token, takesFrom: from });
  switch (owner.claim) {
    case 'gone':
      return { ...undone, lost: true };
    case 'leased':
      return { ...undone, cleanup: 'pending', leased: true };
    case 'lost': {
      // Published by a call that was on its way, or taken over by somebody else.
      const now = await readTemporaryVm(vim, ref);
      return nextPublicationStep(now?.sight, token, from) === 'completed'
        ? { ...undone, resolution: 'completed' }
        : { ...undone, cleanup: 'pending', lost: true };
    }
    case 'held': {
      const none = { planned: undefined, removedDisk: undefined, removedDatastore: undefined };
      const nowhere = { backing: undefined, datacenter: undefined, datastore: undefined, notOurs: undefined };
      const cleaning = { ref, token, state: 'undone', logger, ...none, ...nowhere } as const;
      return endClean('undone', () => cleanUp(vim, cleaning));
    }
  }
}
