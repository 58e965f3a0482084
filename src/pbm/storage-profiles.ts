import type { VimObject } from '../vim/schema/index.js';

/** The storage policies of a VM, by their ids. vSphere keeps that of the VM's home apart from those of its disks. */
export interface StorageProfiles {
  /** Of the VM's home: its configuration and log files. */
  readonly vm?: string | undefined;
  /** Of its one disk. */
  readonly disk?: string | undefined;
}

/** A storage policy as specs take it. Without one a spec has no profile, and the server goes by its own default. */
export function profileSpec(profileId: string): readonly VimObject<'VirtualMachineProfileSpec'>[] {
  return [{ _type: 'VirtualMachineDefinedProfileSpec', profileId }];
}

/** The part of a spec that sets a storage policy on what it makes or attaches; empty where there is none. */
export function profileField(profileId: string | undefined): {
  readonly profile?: readonly VimObject<'VirtualMachineProfileSpec'>[];
} {
  return profileId === undefined ? {} : { profile: profileSpec(profileId) };
}
