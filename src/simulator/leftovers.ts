import { describeLease, describeTask, describeVm } from './inspection.js';
import { directoryOf } from './storage/datastore-path.js';
import type { World } from './world.js';

/** What a finished set of operations must not leave behind. */
export interface Leftover {
  readonly kind: 'lease' | 'transfer' | 'disk-file' | 'directory' | 'vm-without-disk' | 'marked-vm' | 'task';
  /** What it is, for people. */
  readonly what: string;
}

/** The extraConfig key by which the driver says whose temporary VM one is. */
const ownerKey = 'vmdk-driver.owner';

/** Finds what is left behind: nothing, if all went well. */
export function findLeftovers(world: World): Leftover[] {
  return [...leases(world), ...disksOfNobody(world), ...vms(world), ...tasks(world)];
}

function leases({ leases: { all } }: World): Leftover[] {
  return all.flatMap((lease): Leftover[] => {
    const { kind, state, vm, transfers } = describeLease(lease);
    const open = transfers.filter((transfer) => transfer.state === 'open');
    return [
      ...(lease.isOver ? [] : [{ kind: 'lease', what: `${kind} lease of ${vm} is ${state}` } as const]),
      ...open.map(({ targetId }) => ({ kind: 'transfer', what: `${kind} of ${vm}, ${targetId}` }) as const),
    ];
  });
}

/** Disk files no VM refers to, be it as a parent, and empty directories. */
function disksOfNobody({ datastores }: World): Leftover[] {
  return datastores.flatMap((datastore) => {
    const entries = [...datastore.files.entries()];
    const directoriesInUse = new Set(entries.map(([path]) => directoryOf(path)));
    return entries.flatMap(([path, entry]): Leftover[] => {
      const what = datastore.pathTo(path);
      if (entry.kind === 'disk' && datastore.files.users.of(path).length === 0) return [{ kind: 'disk-file', what }];
      if (entry.kind === 'directory' && !directoriesInUse.has(path)) return [{ kind: 'directory', what }];
      return [];
    });
  });
}

function vms({ vms: all }: World): Leftover[] {
  return all.flatMap((vm): Leftover[] => {
    const { name, disks, extraConfig } = describeVm(vm);
    return [
      ...(disks.length === 0 ? [{ kind: 'vm-without-disk', what: name } as const] : []),
      ...(ownerKey in extraConfig ? [{ kind: 'marked-vm', what: `${name}: ${ownerKey}` } as const] : []),
    ];
  });
}

function tasks({ tasks: { tasks: all } }: World): Leftover[] {
  return all
    .filter(({ ended }) => !ended)
    .map(describeTask)
    .map(({ descriptionId, entityName, state }) => ({
      kind: 'task',
      what: `${descriptionId} of ${entityName ?? '?'} is ${state}`,
    }));
}
