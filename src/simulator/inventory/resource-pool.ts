import type { PropertyTable } from '../managed-object.js';
import type { ComputeResource } from './compute-resource.js';
import { ManagedEntity, managedEntityProperties } from './managed-entity.js';
import type { VirtualMachine } from './virtual-machine.js';

/** A compute resource's root pool. */
export class ResourcePool extends ManagedEntity {
  readonly owner: ComputeResource;
  readonly vms = new Set<VirtualMachine>();

  constructor(id: string, owner: ComputeResource) {
    super('ResourcePool', id, 'Resources', owner);
    this.owner = owner;
  }
}

export const resourcePoolProperties: PropertyTable<ResourcePool> = {
  ...managedEntityProperties,
  owner: { spec: 'ref', get: ({ owner }) => owner.ref },
  resourcePool: { spec: 'ref[]?', get: () => [] },
  vm: { spec: 'ref[]?', get: ({ vms }) => [...vms].map(({ ref }) => ref) },
};
