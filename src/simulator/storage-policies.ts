import { randomUUID } from 'node:crypto';
import type { VimObject } from '../vim/schema/index.js';
import { fault } from './fault.js';
import type { Settings } from './options.js';

type ProfileSpec = VimObject<'VirtualMachineProfileSpec'>;

/** A storage policy. */
export interface StoragePolicy {
  readonly id: string;
  readonly name: string;
  /** Names of the datastores that comply with it. */
  readonly compatibleDatastores: readonly string[];
}

/** The storage policies there are. */
export class StoragePolicies {
  readonly all: readonly StoragePolicy[];
  readonly #isVcenter: boolean;

  constructor({ mode, storagePolicies }: Settings) {
    this.#isVcenter = mode === 'vcenter';
    this.all = storagePolicies.map(({ id = randomUUID(), ...policy }) => ({ ...policy, id }));
  }

  find(id: string): StoragePolicy | undefined {
    return this.all.find((policy) => policy.id === id);
  }

  /** @throws Error where there is none of that name */
  named(name: string): StoragePolicy {
    const policy = this.all.find((candidate) => candidate.name === name);
    if (policy === undefined) throw new Error(`there is no storage policy ${name}`);
    return policy;
  }

  /**
   * The policy something has after a change.
   *
   * @param before - the id of the one it has
   * @param specs - what the change says; nothing leaves it as it is
   * @throws Fault InvalidArgument where there is no such policy; NotSupported on an ESXi, which has none
   */
  after(before: string | undefined, specs: readonly ProfileSpec[] | undefined): string | undefined {
    if (specs === undefined) return before;
    if (!this.#isVcenter) throw fault('NotSupported', {}, 'An ESXi host has no storage policies');
    const [spec, ...others] = specs;
    if (others.length > 0)
      throw fault('InvalidArgument', { invalidProperty: 'profile' }, 'One policy is all there can be');
    if (spec?._type !== 'VirtualMachineDefinedProfileSpec') return undefined;
    const { profileId } = spec;
    if (this.find(profileId) === undefined) {
      throw fault('InvalidArgument', { invalidProperty: 'profileId' }, `There is no storage policy ${profileId}`);
    }
    return profileId;
  }
}

/** A policy as specs take it. */
export function definedProfile(profileId: string): readonly ProfileSpec[] {
  return [{ _type: 'VirtualMachineDefinedProfileSpec', profileId }];
}
