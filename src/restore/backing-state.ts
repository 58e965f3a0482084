import { identityOf, isMarkedAs, type VmIdentity } from '../backing/backing.js';
import { diskPaths, toldDisks } from '../backing/disk-chains.js';
import { isUuid } from '../backing/disk-uuid.js';
import { escapeInventoryName } from '../backing/inventory-name.js';
import { extraConfig } from '../backing/vm-config.js';
import { RestoreError } from '../errors/index.js';
import { type BackingMarks, freshFence, readBackingMarks } from '../journal/backing-marks.js';
import { isTemporaryVm, type RestoreJournal } from '../journal/restore-journal.js';
import { managerOf } from '../vim/managers.js';
import { readProperties } from '../vim/property-collector.js';
import { repeatLost } from '../vim/repeat-lost.js';
import { runTask } from '../vim/run-task.js';
import { saysGone } from '../vim/said-gone.js';
import type { MoRef } from '../vim/schema/index.js';
import type { VimSession } from '../vim/vim-session.js';
import { whenFree } from '../vim/when-free.js';
import { isUntold, untold } from './untold-configuration.js';

/** What matters of a backing to who ends a restore; however many disks it has. */
export interface BackingState {
  readonly ref: MoRef;
  readonly name: string;
  readonly changeVersion: string | undefined;
  /**
   * Datastore paths of its disks. Who asks for its marks only need not know them.
   *
   * @throws VimProtocolError where the server does not tell all of them
   */
  readonly disks: readonly string[];
  /** Datastore paths of all files that these stand on. */
  readonly files: readonly string[];
  /** Datastore path of its configuration file. */
  readonly vmPath: string | undefined;
  readonly identity: VmIdentity;
  readonly marks: BackingMarks;
  /** Whether it is itself a restore's temporary VM. */
  readonly isTemporary: boolean;
}

const properties = [
  'name',
  'config.changeVersion',
  'config.extraConfig',
  'config.instanceUuid',
  'config.files.vmPathName',
  'config.hardware.device',
] as const;

/**
 * @throws VimFault ManagedObjectNotFound where the server says that it does not exist
 * @throws VimProtocolError where it tells nothing of its configuration
 */
export async function readBackingState(vim: VimSession, ref: MoRef): Promise<BackingState> {
  const vm = await readProperties(vim, ref, 'VirtualMachine', properties);
  // That it has no mark, and no identity, would be the answer of any VM out of reach.
  if (isUntold(vm)) throw untold(vm.name);
  return {
    ref,
    name: vm.name,
    changeVersion: vm['config.changeVersion'],
    get disks() {
      return diskPaths(toldDisks(vm.name, vm['config.hardware.device']).chains);
    },
    get files() {
      return toldDisks(vm.name, vm['config.hardware.device']).chains.flatMap((chain) => chain.map(({ path }) => path));
    },
    vmPath: vm['config.files.vmPathName'],
    identity: identityOf(vm),
    marks: readBackingMarks(vm['config.extraConfig']),
    isTemporary: isTemporaryVm(vm.name, vm['config.extraConfig']),
  };
}

/**
 * Finds the backing a journal speaks of. One that was unregistered and registered again has another reference, and is told by
 * what it is marked with.
 *
 * @param folder where it is looked for by name as well
 * @throws RestoreError where it is not in the inventory. That does not mean that it is gone: its host may be away, its files are
 *   there
 */
export async function findBackingOf(
  vim: VimSession,
  { volumeId, volumeName, replacement }: RestoreJournal,
  folder: MoRef | undefined,
): Promise<BackingState> {
  const former: MoRef = { type: 'VirtualMachine', value: replacement?.backing ?? '' };
  try {
    return await readBackingState(vim, former);
  } catch (error) {
    if (!saysGone(error, former)) throw error;
  }
  const searchIndex = managerOf(vim, 'searchIndex');
  const query = { uuid: volumeId, vmSearch: true, instanceUuid: true };
  const byId = isUuid(volumeId) ? await vim.invoke('FindAllByUuid', searchIndex, query) : undefined;
  const name = escapeInventoryName(volumeName);
  const byName = folder && (await vim.invoke('FindChild', searchIndex, { entity: folder, name }));
  const refs = [...(byId ?? []), ...(byName?.type === 'VirtualMachine' ? [byName] : [])];
  const states = await Promise.all(
    [...new Map(refs.map((ref) => [ref.value, ref])).values()].map((ref) => readBackingState(vim, ref)),
  );
  const [found, ...others] = states.filter(
    ({ identity, isTemporary }) => !isTemporary && isMarkedAs(identity, volumeId),
  );
  if (found !== undefined && others.length === 0) return found;
  throw new RestoreError(
    found === undefined
      ? `the VM of volume ${volumeId} is not in the inventory: register it again, and call recover()`
      : `several VMs are marked as volume ${volumeId}: ${[found, ...others].map((one) => one.name).join(', ')}`,
    { retryable: true },
  );
}

/**
 * Moves a backing's version on: an exchange that was prepared for an earlier one is refused from now on, however late it
 * arrives. Only a success that was seen counts; to do it again is harmless.
 */
export async function fenceBacking(vim: VimSession, ref: MoRef): Promise<void> {
  await repeatLost(() =>
    whenFree(vim, () => runTask(vim, 'ReconfigVM_Task', ref, { spec: { extraConfig: extraConfig(freshFence()) } })),
  );
}
