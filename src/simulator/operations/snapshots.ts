import type { DiskDevice } from '../inventory/devices.js';
import { parentsOf, requireReadable, shownFile } from '../inventory/disk-chain.js';
import { entityName } from '../inventory/entity-name.js';
import { Snapshot } from '../inventory/snapshot.js';
import type { VirtualMachine } from '../inventory/virtual-machine.js';
import { baseName, directoryOf, joinPath } from '../storage/datastore-path.js';
import type { DiskFile } from '../storage/disk-file.js';
import type { World } from '../world.js';
import { touch } from './vm-config.js';

/**
 * Adds a snapshot below the last one. Each disk but the independent ones gets a new file, which holds what is written from now
 * on.
 *
 * @throws Fault FileNotFound, GenericVmConfigFault
 */
export function createSnapshot(world: World, vm: VirtualMachine, name: string, description: string): Snapshot {
  const { clock, registry } = world;
  const kept = new Map<number, DiskFile>();
  for (const disk of vm.disks) if (disk.diskMode === 'persistent') kept.set(disk.key, requireReadable(disk));
  const number = registry.nextNumber('snapshot');
  const init = {
    name: entityName(name),
    description,
    number,
    createTime: clock.timestamp(),
    devices: vm.config.devices,
    disks: kept,
  };
  const snapshot = registry.add(new Snapshot(`snapshot-${number}`, vm, init));
  const devices = vm.config.devices.map((device) => {
    const file = device.kind === 'disk' ? kept.get(device.key) : undefined;
    return device.kind === 'disk' && file !== undefined ? { ...device, ...addDelta(world, device, file) } : device;
  });
  vm.snapshots = [...vm.snapshots, snapshot];
  vm.config = { ...vm.config, devices };
  touch(world, vm);
  registry.changed();
  return snapshot;
}

/** Puts a new file in a disk's place that is built on it. */
export function addDelta(world: World, { datastore, path }: DiskDevice, file: DiskFile) {
  const { capacityBytes, adapterType, uuid } = file;
  const stem = baseName(path).replace(/(-\d{6})?\.vmdk$/, '');
  for (let n = 1; ; n++) {
    const delta = joinPath(directoryOf(path), `${stem}-${String(n).padStart(6, '0')}.vmdk`);
    if (datastore.files.find(delta) !== undefined) continue;
    const parent = { file, datastore, path };
    const lastFile = world.newDisk({ capacityBytes, provisioning: 'thin', adapterType, uuid, parent });
    datastore.files.addDisk(delta, lastFile);
    return { path: delta, lastFile };
  }
}

/**
 * Takes all of a VM's snapshots away.
 *
 * @param consolidate - whether disks become one file each again. They do not where another VM is built on one of the files, nor
 * where a server failed to: then they stay what they are, and no snapshot tells why.
 */
export function removeAllSnapshots(world: World, vm: VirtualMachine, consolidate = true): void {
  const { registry } = world;
  const [first] = vm.snapshots;
  for (const snapshot of vm.snapshots) registry.remove(snapshot);
  vm.snapshots = [];
  if (first === undefined) return;
  const devices = vm.config.devices.map((device) => {
    const base = device.kind === 'disk' ? first.disks.get(device.key) : undefined;
    if (device.kind !== 'disk' || base === undefined || !consolidate) return device;
    return consolidated(world, vm, device, base);
  });
  vm.config = { ...vm.config, devices };
  touch(world, vm);
  registry.changed();
}

/** A disk with all that was written since its first snapshot in one file. */
function consolidated(world: World, vm: VirtualMachine, device: DiskDevice, base: DiskFile): DiskDevice {
  const top = shownFile(device);
  const parents = parentsOf(top);
  const depth = parents.findIndex(({ datastore, path }) => datastore.files.find(path) === base);
  const place = parents[depth];
  if (place === undefined) return device;
  const below = parents.slice(0, depth + 1);
  const isOthers = below.some(({ datastore, path }) => datastore.files.users.of(path).some((user) => user !== vm));
  if (isOthers) return device;
  for (let layer = top; layer !== base && layer.parent !== undefined; layer = layer.parent.file) {
    layer.raw.absorbBase();
    layer.files?.remove(layer.path);
  }
  base.raw = top.raw;
  world.preparedExports.forget(base);
  return { ...device, datastore: place.datastore, path: place.path, lastFile: base };
}
