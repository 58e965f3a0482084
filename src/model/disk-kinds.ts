/** How a disk's space is reserved; Cinder's `vmware:vmdk_type`. */
export type DiskProvisioning = 'thin' | 'thick' | 'eagerZeroedThick';
/** A disk controller's kind: one of Cinder's, or one that Cinder does not know. A restore keeps it, whichever it is. */
export type AdapterType = CinderAdapterType | 'nvme' | 'ahci';
/** The kinds a new backing can be asked to have; Cinder's `vmware_adapter_type`. */
export type CinderAdapterType = 'lsiLogic' | 'busLogic' | 'lsiLogicsas' | 'paraVirtual' | 'ide';

export const diskProvisionings = ['thin', 'thick', 'eagerZeroedThick'] as const satisfies readonly DiskProvisioning[];
export const cinderAdapterTypes = [
  'lsiLogic',
  'busLogic',
  'lsiLogicsas',
  'paraVirtual',
  'ide',
] as const satisfies readonly CinderAdapterType[];
export const adapterTypes = [...cinderAdapterTypes, 'nvme', 'ahci'] as const satisfies readonly AdapterType[];
