import { randomUUID } from 'node:crypto';
import type { Place } from '../inventory/disk-chain.js';
import { Folder } from '../inventory/folder.js';
import type { HostSystem } from '../inventory/host-system.js';
import { Snapshot } from '../inventory/snapshot.js';
import { VirtualMachine } from '../inventory/virtual-machine.js';
import type { World } from '../world.js';
import { nextChangeVersion } from './vm-config.js';

/**
 * Puts a VM into the inventory again that was taken out: with its files, UUIDs and `extraConfig`, and with another reference.
 *
 * @param place - of its configuration file
 * @param options - `name`: @defaultValue the one it had; `host`: @defaultValue the one it was on
 */
export function registerVm(
  world: World,
  { datastore, path }: Place,
  { name, host: wanted }: { readonly name?: string | undefined; readonly host?: HostSystem | undefined } = {},
): VirtualMachine {
  const { clock, registry, instanceUuids } = world;
  const vmx = datastore.files.get(path);
  const old = vmx.kind === 'file' ? vmx.unregistered : undefined;
  if (vmx.kind !== 'file' || old === undefined) throw new Error(`${datastore.pathTo(path)} is no VM to be registered`);
  const { parent } = old;
  const folder = parent instanceof Folder && registry.find(parent.ref) === parent ? parent : undefined;
  if (folder === undefined) throw new Error(`the folder of ${old.name} is gone`);
  const host = wanted ?? old.host;
  const entity = name ?? old.name;
  folder.requireFree(entity);
  const pool = host.compute.resourcePool;
  const id = world.isVcenter ? `vm-${registry.nextNumber('entity')}` : String(registry.nextNumber('esxi-vm'));
  const place = { folder, pool, host, home: { ...old.home, datastore, vmx: path } };
  const taken = world.isVcenter && instanceUuids.isTaken(old.config.instanceUuid, undefined);
  const config = {
    ...old.config,
    changeVersion: nextChangeVersion(world),
    ...(taken ? { instanceUuid: randomUUID() } : {}),
  };
  const vm = new VirtualMachine(id, entity, place, clock.timestamp(), config);
  folder.adopt(vm);
  pool.vms.add(vm);
  host.vms.add(vm);
  vmx.locked = true;
  vmx.unregistered = undefined;
  vm.snapshots = old.snapshots.map((snapshot) =>
    registry.add(new Snapshot(`snapshot-${registry.nextNumber('snapshot')}`, vm, snapshot)),
  );
  registry.add(vm);
  instanceUuids.update(vm);
  return vm;
}
