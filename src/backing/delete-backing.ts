import { BackingInvalidError } from '../errors/index.js';
import { readProperties } from '../vim/property-collector.js';
import { repeatLost } from '../vim/repeat-lost.js';
import { runTask } from '../vim/run-task.js';
import { saysGone } from '../vim/said-gone.js';
import type { MoRef, PropertiesOf } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { asBackingError } from './backing-faults.js';
import { diskChains, diskPaths, disksUntold, type FileAddress } from './disk-chains.js';
import { assertFree, referencesTo } from './file-references.js';

/**
 * Destroys a backing with its disk (`Destroy_Task`). One that is gone by then is no error, and so a lost connection is no reason
 * to give up: its reference is never given to another VM.
 */
export async function destroyBacking(vim: VimSession, ref: MoRef): Promise<void> {
  try {
    await repeatLost(() => runTask(vim, 'Destroy_Task', ref, {}));
  } catch (error) {
    if (!saysGone(error, ref)) throw await asBackingError(vim, error, 'the backing');
  }
}

/**
 * Deletes a volume's backing and its disk, and nothing that is somebody else's. With a disk that has snapshots goes what it is built on
 * in the VM's own folder.
 *
 * @throws BackingInvalidError where the VM has disks beside the volume's, or the server does not tell which
 * @throws BackingInUseError where another VM refers to what goes, or may: VMs of its datastore cannot be looked at
 */
export async function deleteBacking(vim: VimSession, ref: MoRef, options: AbortableOptions): Promise<void> {
  const paths = ['name', 'config.files.vmPathName', 'config.hardware.device'] as const;
  const vm = await readProperties(vim, ref, 'VirtualMachine', paths, options);
  for (const file of filesOf(vm)) {
    assertFree(vm.name, await referencesTo(vim, file, { ref, hasFile: true }, options), 'deleted');
  }
  await destroyBacking(vim, ref);
}

/** The files that go with a backing. What its disk is built on elsewhere, as a linked clone's is, stays. */
function filesOf({
  name,
  'config.files.vmPathName': vmPath,
  'config.hardware.device': devices,
}: PropertiesOf<'VirtualMachine', 'name' | 'config.files.vmPathName' | 'config.hardware.device'>): FileAddress[] {
  const chains = diskChains(devices);
  if (chains === undefined) {
    const { message, retryable } = disksUntold(name, devices);
    throw new BackingInvalidError(message, { retryable });
  }
  const [chain, ...others] = chains;
  if (chain === undefined) return [];
  if (others.length > 0) {
    const attached = diskPaths(chains).join(', ');
    throw new BackingInvalidError(
      `${name} has ${attached} attached where a backing has one disk: detach what is not the volume's`,
    );
  }
  const [disk, ...parents] = chain;
  const own = [disk.path, ...(vmPath === undefined ? [] : [vmPath])].map(folderOf);
  return [disk, ...parents.filter(({ path }) => own.includes(folderOf(path)))];
}

/** A path up to its file's name, however it names the datastore. */
function folderOf(path: string): string {
  return path.replace(/[^/\]]*$/, '');
}
