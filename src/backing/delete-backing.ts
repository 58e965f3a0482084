import { BackingInUseError, BackingInvalidError } from '../errors/index.js';
import { readProperties } from '../vim/property-collector.js';
import { repeatLost } from '../vim/repeat-lost.js';
import { runTask } from '../vim/run-task.js';
import { saysGone } from '../vim/said-gone.js';
import type { MoRef } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { diskPaths } from './backing.js';
import { asBackingError } from './backing-faults.js';
import { assertNotReferred, referencesTo } from './file-references.js';

/**
 * Destroys a backing with its disk (`Destroy_Task`). One that is gone by then is no error, and so a lost connection is no reason
 * to give up: its reference is never given to another VM.
 */
export async function destroyBacking(vim: VimSession, ref: MoRef): Promise<void> {
  try {
    await repeatLost(() => runTask(vim, 'Destroy_Task', ref, {}));
  } catch (error) {
    if (!saysGone(error, ref)) throw asBackingError(error, 'the backing');
  }
}

/**
 * Deletes a volume's backing and its disk, and nothing that is somebody else's.
 *
 * @throws BackingInvalidError where the VM has disks beside the volume's
 * @throws BackingInUseError where another VM refers to the disk, or may: VMs of its datastore cannot be looked at
 */
export async function deleteBacking(vim: VimSession, ref: MoRef, options: AbortableOptions): Promise<void> {
  const vm = await readProperties(vim, ref, 'VirtualMachine', ['name', 'config.hardware.device'], options);
  const devices = vm['config.hardware.device'] ?? [];
  const paths = diskPaths(devices);
  if (paths.length > 1) {
    throw new BackingInvalidError(
      `${vm.name} has ${paths.join(', ')} attached where a backing has one disk: detach what is not the volume's`,
    );
  }
  for (const { backing } of devices) {
    if (backing === undefined || !('fileName' in backing) || backing.datastore === undefined) continue;
    const references = await referencesTo(
      vim,
      { datastore: backing.datastore, path: backing.fileName },
      [ref],
      options,
    );
    assertNotReferred(vm.name, references, 'deleted');
    if (references.unreadable > 0) {
      throw new BackingInUseError(
        `${references.unreadable} VMs on the datastore of ${vm.name} cannot be read: any of them may use its disk`,
      );
    }
  }
  await destroyBacking(vim, ref);
}
