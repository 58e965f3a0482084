import type { MethodArgs, MoRef } from '../../vim/schema/index.js';
import type { Caller } from '../caller.js';
import { Fault, fault } from '../fault.js';
import type { Place } from '../inventory/disk-chain.js';
import type { VirtualMachine } from '../inventory/virtual-machine.js';
import type { ManagedObject } from '../managed-object.js';
import { copyDisk, createDisk, deleteDisk, extendDisk, moveDisk } from '../operations/disks.js';
import { locateArgument } from '../operations/locate.js';
import { requireUnlocked } from '../operations/locks.js';
import { parseDiskUuid, spacedDiskUuid } from '../storage/disk-uuid.js';
import type { World } from '../world.js';
import type { Handlers } from './handler.js';

type Methods =
  | 'ExtendVirtualDisk_Task'
  | 'MoveVirtualDisk_Task'
  | 'DeleteVirtualDisk_Task'
  | 'CopyVirtualDisk_Task'
  | 'CreateVirtualDisk_Task'
  | 'QueryVirtualDiskUuid'
  | 'SetVirtualDiskUuid';

export const virtualDiskManagerMethods: Handlers<Methods> = {
  ExtendVirtualDisk_Task(world, target, { name, datacenter, newCapacityKb, eagerZero }, caller) {
    const place = locateArgument(world, name, datacenter);
    return start(world, target, caller, 'extendVirtualDisk', {
      locks: owners(place),
      run: () => extendDisk(place, newCapacityKb * 1024, eagerZero),
    });
  },

  MoveVirtualDisk_Task(world, target, args, caller) {
    const { from, to } = ends(world, args);
    return start(world, target, caller, 'moveVirtualDisk', {
      run: () => {
        refuseAs(world.settings.quirks.moveDiskFault);
        return moveDisk(world, from, to, args.force ?? false);
      },
    });
  },

  DeleteVirtualDisk_Task(world, target, { name, datacenter }, caller) {
    const place = locateArgument(world, name, datacenter);
    return start(world, target, caller, 'deleteVirtualDisk', { run: () => deleteDisk(world, place) });
  },

  CopyVirtualDisk_Task(world, target, args, caller) {
    const { from, to } = ends(world, args);
    return start(world, target, caller, 'copyVirtualDisk', {
      cancelable: true,
      locks: owners(from),
      run: () => copyDisk(world, from, to, { spec: args.destSpec, force: args.force ?? false }),
    });
  },

  CreateVirtualDisk_Task(world, target, { name, datacenter, spec }, caller) {
    const place = locateArgument(world, name, datacenter);
    const run = (): void => {
      createDisk(world, place, spec);
    };
    return start(world, target, caller, 'createVirtualDisk', { run });
  },

  QueryVirtualDiskUuid(world, _target, { name, datacenter }) {
    const { datastore, path } = locateArgument(world, name, datacenter);
    return spacedDiskUuid(datastore.files.disk(path).uuid);
  },

  SetVirtualDiskUuid(world, _target, { name, datacenter, uuid }) {
    refuseAs(world.settings.quirks.setDiskUuidFault);
    const place = locateArgument(world, name, datacenter);
    const disk = place.datastore.files.disk(place.path);
    requireUnlocked(place);
    const parsed = parseDiskUuid(uuid);
    if (parsed === undefined) throw fault('InvalidArgument', { invalidProperty: 'uuid' }, `"${uuid}" is no UUID`);
    disk.uuid = parsed;
    world.registry.changed();
    return undefined;
  },
};

/** @throws Fault of the type given, if one is */
function refuseAs(type: string | undefined): void {
  if (type !== undefined) throw new Fault({ _type: type }, 'The operation is not supported on the object.');
}

/** Starts one of the manager's tasks. */
function start(
  { tasks }: World,
  entity: ManagedObject,
  caller: Caller,
  verb: string,
  spec: { readonly run: () => unknown; readonly locks?: readonly VirtualMachine[]; readonly cancelable?: boolean },
): MoRef {
  return tasks.start(caller, { descriptionId: `VirtualDiskManager.${verb}`, entity, ...spec }).ref;
}

/** Where a move or a copy goes from and to. The destination is in the source's datacenter unless it says otherwise. */
function ends(world: World, args: MethodArgs<'MoveVirtualDisk_Task'>): { from: Place; to: Place } {
  const { sourceName, sourceDatacenter, destName, destDatacenter = sourceDatacenter } = args;
  return {
    from: locateArgument(world, sourceName, sourceDatacenter, 'sourceDatacenter'),
    to: locateArgument(world, destName, destDatacenter, 'destDatacenter'),
  };
}

/** The VMs a disk is attached to: they are busy while their disk is worked on. */
function owners({ datastore, path }: Place): VirtualMachine[] {
  return datastore.files.users.attached(path);
}
