import type { PropertyTable } from '../managed-object.js';
import { ManagedEntity, managedEntityProperties } from './managed-entity.js';

/** A network. It is there to be listed: no VM has a network adapter. */
export class Network extends ManagedEntity {
  constructor(id: string, name: string, parent: ManagedEntity) {
    super('Network', id, name, parent);
  }
}

export const networkProperties: PropertyTable<Network> = {
  ...managedEntityProperties,
  summary: {
    spec: 'NetworkSummary',
    get: ({ ref, name }) => ({ network: ref, name, accessible: true, ipPoolName: '' }),
  },
  vm: { spec: 'ref[]?', get: () => [] },
};
