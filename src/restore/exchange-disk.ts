import type { AttachedDisk } from '../backing/backing.js';
import { extraConfig } from '../backing/vm-config.js';
import { isVimFault, VimFault } from '../errors/index.js';
import { type BackingMarks, writeBackingMarks } from '../journal/backing-marks.js';
import { profileField } from '../pbm/storage-profiles.js';
import { reconfigure } from '../vim/reconfigure.js';
import type { MoRef, VimObject } from '../vim/schema/index.js';
import type { VimSession } from '../vim/vim-session.js';
import { readBackingState } from './backing-state.js';

type DiskDevice = AttachedDisk['device'];

/** Keys of devices that are only being asked for are negative. */
const newDiskKey = -1;
/** Faults by which an exchange is refused for what others do at the moment, and not for its storage policy. */
const ofOthers = ['ConcurrentAccess', 'FileLocked', 'TaskInProgress'] as const;

/** One disk for another. */
export interface DiskExchange {
  /** The version of the backing it was prepared for: it is refused for a later one. */
  readonly changeVersion: string | undefined;
  /** The disk to take away, if one is attached; its file is kept. */
  readonly remove: DiskDevice | undefined;
  readonly add: DiskDevice;
  /** Id of the storage policy of the added disk: a policy belongs to the attached disk, and ends with the attachment. */
  readonly storageProfile: string | undefined;
  /** What the backing is to say of it. */
  readonly marks: BackingMarks;
}

/**
 * Gives a backing one disk for another in **one** `ReconfigVM_Task`, whose changes the API applies as an atomic operation, and
 * which also says on the backing that it was made.
 */
export async function exchangeDisk(
  vim: VimSession,
  ref: MoRef,
  { changeVersion, remove, add, storageProfile, marks }: DiskExchange,
): Promise<void> {
  const deviceChange: VimObject<'VirtualDeviceConfigSpec'>[] = [
    // No fileOperation: the file of a disk that is taken away is kept.
    ...(remove === undefined ? [] : [{ operation: 'remove', device: remove } as const]),
    { operation: 'add', device: add, ...profileField(storageProfile) },
  ];
  const spec = {
    ...(changeVersion === undefined ? {} : { changeVersion }),
    deviceChange,
    extraConfig: extraConfig(writeBackingMarks(marks)),
  };
  const isMade = async (): Promise<boolean> => (await readBackingState(vim, ref)).marks.operation === marks.operation;
  await reconfigure(vim, ref, spec, isMade);
}

/**
 * {@link exchangeDisk} for a disk that a volume had before: that it has it again matters more than that its storage policy still
 * exists.
 *
 * @returns whether it has its storage policy
 */
export async function exchangeBackDisk(vim: VimSession, ref: MoRef, exchange: DiskExchange): Promise<boolean> {
  try {
    await exchangeDisk(vim, ref, exchange);
    return true;
  } catch (error) {
    const isPolicys =
      exchange.storageProfile !== undefined && error instanceof VimFault && !isVimFault(error, ...ofOthers);
    if (!isPolicys) throw error;
    await exchangeDisk(vim, ref, { ...exchange, storageProfile: undefined });
    return false;
  }
}

/** A disk with another file and capacity, and with every other setting that it has. */
export function withFile(device: DiskDevice, path: string, capacityBytes: number): DiskDevice {
  const { capacityInKB: _kib, capacityInBytes: _bytes, backing, ...settings } = device;
  return {
    ...settings,
    key: newDiskKey,
    ...(backing === undefined ? {} : { backing: withPath(backing, path) }),
    capacityInKB: Math.ceil(capacityBytes / 1024),
    capacityInBytes: capacityBytes,
  };
}

function withPath(backing: NonNullable<DiskDevice['backing']>, path: string): NonNullable<DiskDevice['backing']> {
  if (backing._type !== 'VirtualDiskFlatVer2BackingInfo') return backing;
  // These speak of the former file's content or place.
  const {
    changeId: _change,
    contentId: _content,
    backingObjectId: _object,
    datastore: _datastore,
    ...settings
  } = backing;
  return { ...settings, fileName: path };
}
