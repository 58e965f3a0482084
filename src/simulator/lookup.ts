import type { Datastore } from './inventory/datastore.js';
import type { Place } from './inventory/disk-chain.js';
import { HostSystem } from './inventory/host-system.js';
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

export function requireHost({ registry }: World, name: string): HostSystem {
  const host = registry.all(HostSystem).find((entry) => entry.name === name);
  if (host === undefined) throw new Error(`there is no host ${name}`);
  return host;
}

export function requireDatastore(world: World, name: string): Datastore {
  const datastore = world.datastoreNamed(name);
  if (datastore === undefined) throw new Error(`there is no datastore ${name}`);
  return datastore;
}

/** The place that a datastore path names. */
export function requirePlace(world: World, text: string): Place {
  const { datastore, path } = parseDatastorePath(text);
  return { datastore: requireDatastore(world, datastore), path };
}

/** The disk at a datastore path. */
export function requireDisk(world: World, text: string): DiskFile {
  const { datastore, path } = requirePlace(world, text);
  const entry = datastore.files.find(path);
  if (entry?.kind !== 'disk') throw new Error(`there is no disk ${text}`);
  return entry;
}
