import { ComputeResource } from '../inventory/compute-resource.js';
import { Datacenter } from '../inventory/datacenter.js';
import { Folder } from '../inventory/folder.js';
import { HostSystem } from '../inventory/host-system.js';
import type { ManagedEntity } from '../inventory/managed-entity.js';
import { ResourcePool } from '../inventory/resource-pool.js';
import { ManagedObject, type PropertyTable } from '../managed-object.js';

/** The objects of some types that are in a container, as they are at any moment. */
export class ContainerView extends ManagedObject {
  readonly container: ManagedEntity;
  /** None stands for all. */
  readonly types: readonly string[];
  readonly recursive: boolean;

  constructor(id: string, container: ManagedEntity, types: readonly string[], recursive: boolean) {
    super('ContainerView', id);
    this.container = container;
    this.types = types;
    this.recursive = recursive;
  }

  /** What is in it now. */
  get members(): ManagedEntity[] {
    const found = new Set<ManagedEntity>();
    const visit = (entity: ManagedEntity): void => {
      for (const child of contentsOf(entity)) {
        if (found.has(child)) continue;
        found.add(child);
        if (this.recursive) visit(child);
      }
    };
    visit(this.container);
    const { types } = this;
    return [...found].filter((entity) => types.length === 0 || types.some((type) => entity.isA(type)));
  }
}

/** Whether a view can be made of what an entity holds. */
export function isContainer(entity: ManagedEntity): boolean {
  return [Folder, Datacenter, ComputeResource, ResourcePool, HostSystem].some((kind) => entity instanceof kind);
}

/** What a view finds in an entity. A VM is found in its folder, in its pool and on its host. */
function contentsOf(entity: ManagedEntity): readonly ManagedEntity[] {
  if (entity instanceof Folder) return entity.children;
  if (entity instanceof Datacenter) return entity.folders;
  if (entity instanceof ComputeResource) return [...entity.hosts, entity.resourcePool];
  if (entity instanceof ResourcePool || entity instanceof HostSystem) return [...entity.vms];
  return [];
}

export const containerViewProperties: PropertyTable<ContainerView> = {
  view: { spec: 'ref[]?', get: ({ members }) => members.map(({ ref }) => ref) },
  container: { spec: 'ref', get: ({ container }) => container.ref },
  type: { spec: 'string[]?', get: ({ types }) => (types.length === 0 ? undefined : types) },
  recursive: { spec: 'boolean', get: ({ recursive }) => recursive },
};
