import type { VimObject } from '../../vim/schema/index.js';

type Disk = Extract<VimObject<'VirtualDevice'>, { readonly _type: 'VirtualDisk' }>;
type Backing = Extract<VimObject<'VirtualDeviceBackingInfo'>, { readonly _type: 'VirtualDiskFlatVer2BackingInfo' }>;

/** What is set on a disk as a device of a VM, and says nothing about its file. */
export interface DiskSettings {
  readonly backing: Pick<
    Backing,
    'split' | 'writeThrough' | 'digestEnabled' | 'deltaGrainSize' | 'deltaDiskFormatVariant' | 'sharing'
  >;
  readonly device: Pick<Disk, 'shares' | 'storageIOAllocation' | 'iofilter'>;
}

const normalShares = { shares: 1000, level: 'normal' } as const;

/** What a disk has about which nothing was said. */
export const defaultDiskSettings: DiskSettings = {
  backing: { split: false, writeThrough: false, digestEnabled: false, sharing: 'sharingNone' },
  device: { shares: normalShares, storageIOAllocation: { limit: -1, shares: normalShares, reservation: 0 } },
};

/** Settings with what a spec says. */
export function settingsAfter(before: DiskSettings, spec: Disk, backing: Backing | undefined): DiskSettings {
  const { shares, storageIOAllocation, iofilter } = spec;
  const { split, writeThrough, digestEnabled, deltaGrainSize, deltaDiskFormatVariant, sharing } = backing ?? {};
  return {
    backing: {
      ...before.backing,
      ...(split === undefined ? {} : { split }),
      ...(writeThrough === undefined ? {} : { writeThrough }),
      ...(digestEnabled === undefined ? {} : { digestEnabled }),
      ...(deltaGrainSize === undefined ? {} : { deltaGrainSize }),
      ...(deltaDiskFormatVariant === undefined ? {} : { deltaDiskFormatVariant }),
      ...(sharing === undefined ? {} : { sharing }),
    },
    device: {
      ...before.device,
      ...(shares === undefined ? {} : { shares }),
      ...(storageIOAllocation === undefined ? {} : { storageIOAllocation }),
      ...(iofilter === undefined ? {} : { iofilter }),
    },
  };
}

/** Whether several running VMs may have a disk open at once. */
export function isShared({ settings }: { readonly settings: DiskSettings }): boolean {
  return settings.backing.sharing === 'sharingMultiWriter';
}
