import { Datacenter } from './inventory/datacenter.js';
import { entityName } from './inventory/entity-name.js';
import { Folder } from './inventory/folder.js';
import { HostSystem } from './inventory/host-system.js';
import type { VirtualMachine } from './inventory/virtual-machine.js';
import { diskChanges, type NewVmDisk } from './new-vm-disk.js';
import { createVm } from './operations/create-vm.js';
import { definedProfile } from './storage-policies.js';
import type { World } from './world.js';

/** A VM to put into the inventory without any call. */
export interface NewVm {
  readonly name: string;
  /** @defaultValue a new one */
  readonly instanceUuid?: string | undefined;
  /** The BIOS UUID, which any number of VMs may have in common. @defaultValue a new one */
  readonly uuid?: string | undefined;
  /** @defaultValue none: the VM has no disk */
  readonly disk?: NewVmDisk | undefined;
  /** More disks. @defaultValue none */
  readonly disks?: readonly NewVmDisk[] | undefined;
  readonly extraConfig?: Readonly<Record<string, string>> | undefined;
  readonly managedBy?: { readonly extensionKey: string; readonly type: string } | undefined;
  /** Folders below the datacenter's VM folder, `a/b`; they are made where they are missing. @defaultValue none */
  readonly folder?: string | undefined;
  /** @defaultValue the first datacenter */
  readonly datacenter?: string | undefined;
  /** @defaultValue the datacenter's first datastore */
  readonly datastore?: string | undefined;
  /** Name of the storage policy of the VM and of its disk. @defaultValue none */
  readonly storagePolicy?: string | undefined;
}

/** Puts a VM into the inventory. */
export async function addVm(world: World, options: NewVm): Promise<VirtualMachine> {
  const datacenter = world.registry
    .all(Datacenter)
    .find(({ name }) => options.datacenter === undefined || name === options.datacenter);
  const datastore = datacenter?.datastores.find(
    ({ name }) => options.datastore === undefined || name === options.datastore,
  );
  if (datacenter === undefined || datastore === undefined) {
    throw new Error(`there is no datastore ${options.datastore ?? ''} in datacenter ${options.datacenter ?? ''}`);
  }
  const host = world.registry
    .all(HostSystem)
    .find((entry) => entry.usable && datastore.mounts.some((mount) => mount.host === entry));
  if (host === undefined) throw new Error(`no host can use ${datastore.name}`);
  const { disk, disks = [], managedBy } = options;
  const all = disk === undefined ? disks : [disk, ...disks];
  const profile =
    options.storagePolicy === undefined
      ? undefined
      : definedProfile(world.storagePolicies.named(options.storagePolicy).id);
  return createVm(
    world,
    { folder: folderAt(world, datacenter, options.folder), pool: host.compute.resourcePool, host },
    {
      name: options.name,
      ...(options.uuid === undefined ? {} : { uuid: options.uuid }),
      ...(options.instanceUuid === undefined ? {} : { instanceUuid: options.instanceUuid }),
      files: { vmPathName: datastore.pathTo('') },
      deviceChange: diskChanges(all, profile),
      extraConfig: Object.entries(options.extraConfig ?? {}).map(([key, value]) => ({ key, value })),
      ...(managedBy === undefined ? {} : { managedBy }),
      ...(profile === undefined ? {} : { vmProfile: profile }),
    },
  );
}

function folderAt(world: World, { vmFolder }: Datacenter, path = ''): Folder {
  let folder = vmFolder;
  for (const raw of path.split('/').filter((part) => part !== '')) {
    const name = entityName(raw);
    const existing = folder.child(name);
    if (existing instanceof Folder) {
      folder = existing;
      continue;
    }
    const made = new Folder(`group-v${world.registry.nextNumber('entity')}`, name, folder, folder.childTypes);
    folder.adopt(made);
    folder = world.registry.add(made);
  }
  return folder;
}
