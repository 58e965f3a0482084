import { runTask } from './run-task.js';
import type { MoRef, VimObject } from './schema/index.js';
import { settle } from './settle.js';
import type { AbortableOptions, VimSession } from './vim-session.js';

/**
 * Reconfigures a VM (`ReconfigVM_Task`). The API applies all of a spec, or nothing of it.
 *
 * @param isMade reads from the server whether the change was made; asked where its reply was lost
 * @throws VimFault ConcurrentAccess where the spec names a `changeVersion` and the VM was changed since; TaskInProgress where
 *   somebody works on the VM, be it under a lease
 * @throws VimConnectionError with outcome `unknown` where it may have been made, or still be
 */
export async function reconfigure(
  vim: VimSession,
  ref: MoRef,
  spec: VimObject<'VirtualMachineConfigSpec'>,
  isMade: () => Promise<boolean>,
  options?: AbortableOptions,
): Promise<void> {
  await settle(vim, {
    make: async () => {
      await runTask(vim, 'ReconfigVM_Task', ref, { spec }, options);
      return true;
    },
    on: ref,
    lookUp: async () => (await isMade()) || undefined,
  });
}
