import { Datacenter } from './datacenter.js';
import type { ManagedEntity } from './managed-entity.js';
import type { Network } from './network.js';

/** The networks an entity can use: every host of a datacenter has all of its networks. */
export function networksOf(entity: ManagedEntity): readonly Network[] {
  return entity.ancestor(Datacenter)?.networks ?? [];
}
