/** How a disk's space is reserved; Cinder's `vmware:vmdk_type`. */
export type DiskProvisioning = 'thin' | 'thick' | 'eagerZeroedThick';
/** A disk controller's kind: one of Cinder's, or one that Cinder does not know. A restore keeps it, whichever it is. */
export type AdapterType = CinderAdapterType | 'nvme' | 'ahci';
/** The kinds a new backing can be asked to have; Cinder's `vmware_adapter_type`. */
export type CinderAdapterType = 'lsiLogic' | 'busLogic' | 'lsiLogicsas' | 'paraVirtual' | 'ide';
/** How writes to a disk last, and whether a VM's snapshots include it (`VirtualDiskMode`); those that ESXi knows. */
export type DiskMode = 'persistent' | 'independent_persistent' | 'independent_nonpersistent';

export const diskModes = [
  'persistent',
  'independent_persistent',
  'independent_nonpersistent',
] as const satisfies readonly DiskMode[];
export const diskProvisionings = ['thin', 'thick', 'eagerZeroedThick'] as const satisfies readonly DiskProvisioning[];
export const cinderAdapterTypes = [
  'lsiLogic',
  'busLogic',
  'lsiLogicsas',
  'paraVirtual',
  'ide',
] as const satisfies readonly CinderAdapterType[];
export const adapterTypes = [...cinderAdapterTypes, 'nvme', 'ahci'] as const satisfies readonly AdapterType[];
