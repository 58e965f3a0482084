import type { PropertyTable } from '../managed-object.js';
import type { Folder } from './folder.js';
import type { HostSystem } from './host-system.js';
import { ManagedEntity, managedEntityProperties } from './managed-entity.js';
import { networksOf } from './networks-of.js';
import { ResourcePool } from './resource-pool.js';

/** A cluster, or on an ESXi the host's own compute resource. */
export class ComputeResource extends ManagedEntity {
  readonly hosts: HostSystem[] = [];
  readonly resourcePool: ResourcePool;

  constructor(
    type: 'ClusterComputeResource' | 'ComputeResource',
    id: string,
    name: string,
    parent: Folder,
    poolId: string,
  ) {
    super(type, id, name, parent);
    this.resourcePool = new ResourcePool(poolId, this);
  }
}

export const computeResourceProperties: PropertyTable<ComputeResource> = {
  ...managedEntityProperties,
  host: { spec: 'ref[]?', get: ({ hosts }) => hosts.map(({ ref }) => ref) },
  resourcePool: { spec: 'ref?', get: ({ resourcePool }) => resourcePool.ref },
  datastore: {
    spec: 'ref[]?',
    get: ({ hosts }) => [...new Set(hosts.flatMap(({ datastores }) => datastores))].map(({ ref }) => ref),
  },
  network: { spec: 'ref[]?', get: (entity) => networksOf(entity).map(({ ref }) => ref) },
};
