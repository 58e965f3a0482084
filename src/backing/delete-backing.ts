import { readProperties } from '../vim/property-collector.js';
import { runTask } from '../vim/run-task.js';
import { saysGone } from '../vim/said-gone.js';
import type { MoRef } from '../vim/schema/index.js';
import { settle } from '../vim/settle.js';
import type { VimSession } from '../vim/vim-session.js';

/** Destroys a backing with its disk (`Destroy_Task`). One that is gone by then is no error. */
export async function deleteBacking(vim: VimSession, ref: MoRef): Promise<void> {
  try {
    await settle(vim, {
      make: () => runTask(vim, 'Destroy_Task', ref, {}),
      on: ref,
      lookUp: async () => (await isGone(vim, ref)) || undefined,
    });
  } catch (error) {
    if (!saysGone(error, ref)) throw error;
  }
}

async function isGone(vim: VimSession, ref: MoRef): Promise<boolean> {
  try {
    await readProperties(vim, ref, 'VirtualMachine', ['name']);
    return false;
  } catch (error) {
    if (saysGone(error, ref)) return true;
    throw error;
  }
}
