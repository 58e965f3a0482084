/** How a disk's space is reserved; Cinder's `vmware:vmdk_type`. */
export type DiskProvisioning = 'thin' | 'thick' | 'eagerZeroedThick';
/** The disk controller's kind; Cinder's `vmware_adapter_type`. */
export type AdapterType = 'lsiLogic' | 'busLogic' | 'lsiLogicsas' | 'paraVirtual' | 'ide';

export const diskProvisionings = ['thin', 'thick', 'eagerZeroedThick'] as const satisfies readonly DiskProvisioning[];
export const adapterTypes = [
  'lsiLogic',
  'busLogic',
  'lsiLogicsas',
  'paraVirtual',
  'ide',
] as const satisfies readonly AdapterType[];
