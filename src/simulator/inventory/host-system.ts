import type { VimObject } from '../../vim/schema/index.js';
import type { PropertyTable } from '../managed-object.js';
import type { ComputeResource } from './compute-resource.js';
import type { Datastore } from './datastore.js';
import { ManagedEntity, managedEntityProperties } from './managed-entity.js';
import { networksOf } from './networks-of.js';
import type { VirtualMachine } from './virtual-machine.js';

/** Whether a host can be worked with. */
export type HostConnectionState = 'connected' | 'disconnected' | 'notResponding';

/** A host. */
export class HostSystem extends ManagedEntity {
  readonly compute: ComputeResource;
  readonly datastores: Datastore[] = [];
  readonly vms = new Set<VirtualMachine>();
  connectionState: HostConnectionState;
  inMaintenanceMode: boolean;

  constructor(
    id: string,
    name: string,
    compute: ComputeResource,
    connectionState: HostConnectionState,
    inMaintenanceMode: boolean,
  ) {
    super('HostSystem', id, name, compute);
    this.compute = compute;
    this.connectionState = connectionState;
    this.inMaintenanceMode = inMaintenanceMode;
  }

  get usable(): boolean {
    return this.connectionState === 'connected' && !this.inMaintenanceMode;
  }
}

export const hostSystemProperties: PropertyTable<HostSystem> = {
  ...managedEntityProperties,
  runtime: {
    spec: 'HostRuntimeInfo',
    get: ({ connectionState, inMaintenanceMode }): VimObject<'HostRuntimeInfo'> => ({
      connectionState,
      powerState: connectionState === 'connected' ? 'poweredOn' : 'unknown',
      inMaintenanceMode,
    }),
  },
  datastore: { spec: 'ref[]?', get: ({ datastores }) => datastores.map(({ ref }) => ref) },
  network: { spec: 'ref[]?', get: (entity) => networksOf(entity).map(({ ref }) => ref) },
  vm: { spec: 'ref[]?', get: ({ vms }) => [...vms].map(({ ref }) => ref) },
};
