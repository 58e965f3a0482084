import { volumeIdKey } from '../backing/backing.js';
import { type DiskChain, diskPaths, toldDisks } from '../backing/disk-chains.js';
import { isTemporaryVmName } from '../journal/operation-names.js';
import { extraConfigValue, readJournal, type RestoreJournal } from '../journal/restore-journal.js';
import { readProperties } from '../vim/property-collector.js';
import { saysGone } from '../vim/said-gone.js';
import type { MoRef, VimObject } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import type { TemporaryVmSight } from './fencing.js';

/** A VM that is, or was, a restore's temporary one: what one read showed of it. */
export interface TemporaryVm {
  readonly ref: MoRef;
  readonly name: string;
  /** Its version when it was read: a change that names it is refused once there was another. */
  readonly changeVersion: string | undefined;
  readonly devices: readonly VimObject<'VirtualDevice'>[];
  /** What its disks stand on. */
  readonly chains: readonly DiskChain[];
  /** Datastore path of its configuration file. */
  readonly vmPath: string | undefined;
  /** Inventory folder it lies in. */
  readonly folder: MoRef | undefined;
  readonly recentTasks: readonly MoRef[];
  /** `undefined` where it has none, or none that this version understands. */
  readonly journal: RestoreJournal | undefined;
  readonly sight: TemporaryVmSight;
}

/** A temporary VM that carries a journal. */
export type JournalledVm = TemporaryVm & { readonly journal: RestoreJournal };

const temporaryVmProperties = [
  'name',
  'parent',
  'recentTask',
  'config.changeVersion',
  'config.extraConfig',
  'config.files.vmPathName',
  'config.hardware.device',
] as const;

/**
 * Reads a temporary VM in one call; `undefined` where the server says that it does not exist.
 *
 * @throws VimProtocolError where the server does not tell all its disks: nobody is to end it by half of them
 */
export async function readTemporaryVm(
  vim: VimSession,
  ref: MoRef,
  options?: AbortableOptions,
): Promise<TemporaryVm | undefined> {
  try {
    const vm = await readProperties(vim, ref, 'VirtualMachine', temporaryVmProperties, options);
    const journal = readJournal(vm['config.extraConfig']);
    const { devices, chains } = toldDisks(vm.name, vm['config.hardware.device']);
    return {
      ref,
      name: vm.name,
      changeVersion: vm['config.changeVersion'],
      devices,
      chains,
      vmPath: vm['config.files.vmPathName'],
      folder: vm.parent,
      recentTasks: vm.recentTask ?? [],
      journal,
      sight: {
        token: journal?.token,
        published: journal === undefined && isPublished(vm.name, vm['config.extraConfig']),
        attached: diskPaths(chains),
      },
    };
  } catch (error) {
    if (saysGone(error, ref)) return undefined;
    throw error;
  }
}

function isPublished(name: string, extraConfig: readonly VimObject<'OptionValue'>[] | undefined): boolean {
  return !isTemporaryVmName(name) && extraConfigValue(extraConfig, volumeIdKey) !== undefined;
}
