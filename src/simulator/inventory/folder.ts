import { fault } from '../fault.js';
import type { PropertyTable } from '../managed-object.js';
import { ManagedEntity, managedEntityProperties } from './managed-entity.js';

/** A folder of the inventory. Names in it are unique. */
export class Folder extends ManagedEntity {
  /** The types it may hold. */
  readonly childTypes: readonly string[];
  readonly #children = new Map<string, ManagedEntity>();

  constructor(id: string, name: string, parent: ManagedEntity | undefined, childTypes: readonly string[]) {
    super('Folder', id, name, parent);
    this.childTypes = childTypes;
  }

  get children(): readonly ManagedEntity[] {
    return [...this.#children.values()];
  }

  child(name: string): ManagedEntity | undefined {
    return this.#children.get(name);
  }

  /** @throws Fault DuplicateName, unless the name is `except`'s own */
  requireFree(name: string, except?: ManagedEntity): void {
    const other = this.#children.get(name);
    if (other !== undefined && other !== except) {
      throw fault('DuplicateName', { name, object: other.ref }, `The name '${name}' already exists.`);
    }
  }

  /** @throws Fault DuplicateName */
  adopt(entity: ManagedEntity): void {
    this.requireFree(entity.name);
    this.#children.set(entity.name, entity);
    entity.parent = this;
  }

  release(entity: ManagedEntity): void {
    this.#children.delete(entity.name);
  }

  /** @throws Fault DuplicateName */
  rename(entity: ManagedEntity, name: string): void {
    this.requireFree(name, entity);
    this.#children.delete(entity.name);
    entity.name = name;
    this.#children.set(name, entity);
  }
}

export const folderProperties: PropertyTable<Folder> = {
  ...managedEntityProperties,
  childType: { spec: 'string[]?', get: ({ childTypes }) => childTypes },
  childEntity: {
    spec: 'ref[]?',
    get: ({ children }) => children.filter(({ access }) => access !== 'hidden').map(({ ref }) => ref),
  },
};
