import type { Datastore } from './inventory/datastore.js';
import type { VirtualMachine } from './inventory/virtual-machine.js';
import { parseDatastorePath } from './storage/datastore-path.js';
import type { DiskFile } from './storage/disk-file.js';
import type { World } from './world.js';

/** Names a VM: by its reference's id, or by its name where no other has it. */
export type VmName = string;

/** @throws Error where several VMs have the name */
export function findVm({ vms }: World, vm: VmName): VirtualMachine | undefined {
  const byId = vms.find(({ id }) => id === vm);
  if (byId !== undefined) return byId;
  const named = vms.filter(({ name }) => name === vm);
  if (named.length > 1) throw new Error(`there are ${named.length} VMs named ${vm}`);
  return named[0];
}

export function requireVm(world: World, vm: VmName): VirtualMachine {
  const found = findVm(world, vm);
  if (found === undefined) throw new Error(`there is no VM ${vm}`);
  return found;
}

export function requireDatastore(world: World, name: string): Datastore {
  const datastore = world.datastoreNamed(name);
  if (datastore === undefined) throw new Error(`there is no datastore ${name}`);
  return datastore;
}

/** The disk at a datastore path. */
export function requireDisk(world: World, text: string): DiskFile {
  const { datastore, path } = parseDatastorePath(text);
  const entry = requireDatastore(world, datastore).files.find(path);
  if (entry?.kind !== 'disk') throw new Error(`there is no disk ${text}`);
  return entry;
}
