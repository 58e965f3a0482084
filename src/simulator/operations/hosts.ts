import type { Datastore } from '../inventory/datastore.js';
import type { Place } from '../inventory/disk-chain.js';
import { HostSystem } from '../inventory/host-system.js';
import type { World } from '../world.js';
import { registerVm } from './register-vm.js';
import { unregisterVm } from './remove-vm.js';

/** A host that was taken out of the inventory, and what was on it. */
export interface DepartedHost {
  readonly host: HostSystem;
  /** Where the configuration files of its VMs are. */
  readonly vms: readonly Place[];
}

/** Takes a host out of the inventory, with its VMs; all files stay. Leases of its VMs end with an error. */
export function removeHost(world: World, host: HostSystem): void {
  const vms = [...host.vms];
  for (const vm of vms) world.leases.drop(vm);
  for (const vm of vms) vm.requireIdle();
  for (const vm of vms) unregisterVm(world, vm);
  const places = vms.map(({ home }) => ({ datastore: home.datastore, path: home.vmx }));
  world.departedHosts.set(host.name, { host, vms: places });
  host.compute.hosts.splice(host.compute.hosts.indexOf(host), 1);
  world.registry.remove(host);
}

/** Puts a host into the inventory again, with its VMs. All of them have other references than before. */
export function returnHost(world: World, { host: old, vms }: DepartedHost): HostSystem {
  const { registry, departedHosts } = world;
  departedHosts.delete(old.name);
  const id = `host-${registry.nextNumber('entity')}`;
  const host = registry.add(new HostSystem(id, old.name, old.compute, 'connected', old.inMaintenanceMode));
  old.compute.hosts.push(host);
  for (const datastore of old.datastores) remount(datastore, old, host);
  for (const place of vms) {
    // Somebody may have registered it elsewhere meanwhile, or deleted it.
    const vmx = place.datastore.files.find(place.path);
    if (vmx?.kind === 'file' && vmx.unregistered !== undefined) registerVm(world, place, { host });
  }
  return host;
}

function remount(datastore: Datastore, old: HostSystem, host: HostSystem): void {
  const index = datastore.mounts.findIndex((mount) => mount.host === old);
  const mount = datastore.mounts[index];
  if (mount === undefined) return;
  datastore.mounts[index] = { ...mount, host };
  host.datastores.push(datastore);
}
