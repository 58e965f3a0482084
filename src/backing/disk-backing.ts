import type { DiskProvisioning } from '../model/disk-kinds.js';
import type { VimObject } from '../vim/schema/index.js';

/** A file-backed flat disk: what every volume's disk is. */
export type FlatDiskBacking = Extract<
  VimObject<'VirtualDeviceBackingInfo'>,
  { readonly _type: 'VirtualDiskFlatVer2BackingInfo' }
>;

/** The backing of a disk that is to be created, or is in `fileName` already. */
export function flatDiskBacking(
  provisioning: DiskProvisioning,
  fileName: string,
  diskMode = 'persistent',
): FlatDiskBacking {
  return {
    _type: 'VirtualDiskFlatVer2BackingInfo',
    fileName,
    diskMode,
    ...flags(provisioning),
  };
}

/** How a disk's space is reserved. vSphere leaves a flag out where it does not hold. */
export function provisioningOf(backing: FlatDiskBacking): DiskProvisioning {
  if (backing.thinProvisioned === true) return 'thin';
  return backing.eagerlyScrub === true ? 'eagerZeroedThick' : 'thick';
}

function flags(provisioning: DiskProvisioning): Pick<FlatDiskBacking, 'thinProvisioned' | 'eagerlyScrub'> {
  switch (provisioning) {
    case 'thin':
      return { thinProvisioned: true };
    case 'thick':
      return { thinProvisioned: false };
    case 'eagerZeroedThick':
      return { thinProvisioned: false, eagerlyScrub: true };
  }
}
