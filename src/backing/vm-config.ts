import { formatDatastorePath } from '../model/datastore-path.js';
import type { AdapterType, DiskMode, DiskProvisioning } from '../model/disk-kinds.js';
import { profileField, profileSpec, type StorageProfiles } from '../pbm/storage-profiles.js';
import type { VimObject } from '../vim/schema/index.js';
import { controllerFor, hardwareVersionFor } from './adapter-type.js';
import { flatDiskBacking } from './disk-backing.js';
import { escapeInventoryName } from './inventory-name.js';

/** What tells one shadow VM from another. */
export interface ShadowVm {
  readonly name: string;
  /** Where its files go: a datastore path of a datastore (`[name]`) or of the VM's own folder. */
  readonly vmPathName: string;
  readonly adapterType: AdapterType;
  readonly provisioning: DiskProvisioning;
  /** @defaultValue `persistent` */
  readonly diskMode?: DiskMode | undefined;
  /** Of its one disk, in bytes. */
  readonly capacityBytes: number;
  readonly hardwareVersion: string;
  readonly extraConfig: Readonly<Record<string, string>>;
  /** Only for a backing itself: a temporary VM must not share it. */
  readonly instanceUuid?: string | undefined;
  readonly managedBy?: VimObject<'ManagedByInfo'> | undefined;
  /** Set on the VM and on its disk: one without the other leaves half of it out of the policy. */
  readonly storageProfiles?: StorageProfiles | undefined;
}

/** Keys of devices that are only being asked for are negative. */
const newDiskKey = -101;

/** A shadow VM's configuration as Cinder makes it: smallest memory, one processor, one disk, never powered on. */
export function shadowVmConfig(vm: ShadowVm): VimObject<'VirtualMachineConfigSpec'> {
  const controller = controllerFor(vm.adapterType);
  const { storageProfiles = {} } = vm;
  return {
    name: escapeInventoryName(vm.name),
    version: hardwareVersionFor(vm.adapterType, vm.hardwareVersion),
    ...(vm.instanceUuid === undefined ? {} : { instanceUuid: vm.instanceUuid }),
    guestId: 'otherGuest',
    files: { vmPathName: vm.vmPathName },
    numCPUs: 1,
    memoryMB: 128,
    deviceChange: [
      {
        operation: 'add',
        fileOperation: 'create',
        device: {
          _type: 'VirtualDisk',
          key: newDiskKey,
          backing: flatDiskBacking(vm.provisioning, '', vm.diskMode),
          controllerKey: controller.key,
          unitNumber: 0,
          capacityInKB: Math.ceil(vm.capacityBytes / 1024),
        },
        ...profileField(storageProfiles.disk),
      },
      ...controller.change,
    ],
    extraConfig: extraConfig(vm.extraConfig),
    ...(vm.managedBy === undefined ? {} : { managedBy: vm.managedBy }),
    ...(storageProfiles.vm === undefined ? {} : { vmProfile: profileSpec(storageProfiles.vm) }),
  };
}

/** What vCenter shows as the owner of a backing: Cinder's extension, so that Cinder and its administrators know it. */
export const managedByCinder: VimObject<'ManagedByInfo'> = { extensionKey: 'org.openstack.storage', type: 'volume' };

/** The datastore path of a VM's configuration file in a folder of the same name. */
export function vmPathName(datastore: string, stem: string): string {
  return formatDatastorePath({ datastore, folder: stem, file: `${stem}.vmx` });
}

/** Key–value pairs as `extraConfig` takes them. An empty value removes its key. */
export function extraConfig(values: Readonly<Record<string, string>>): VimObject<'OptionValue'>[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}
