import { fault } from '../fault.js';
import { Folder } from '../inventory/folder.js';
import type { ManagedEntity } from '../inventory/managed-entity.js';

/** Moves an entity into another folder of its datacenter. @throws Fault DuplicateName, InvalidArgument */
export function moveIntoFolder(entity: ManagedEntity, folder: Folder): void {
  const { parent } = entity;
  if (parent === folder) return;
  if (!(parent instanceof Folder) || !folder.childTypes.includes(entity.type)) {
    throw fault('InvalidArgument', { invalidProperty: 'list' }, `${entity.name} cannot be in ${folder.name}`);
  }
  if (entity instanceof Folder && isInside(folder, entity)) {
    throw fault('InvalidArgument', { invalidProperty: 'list' }, `${folder.name} is inside ${entity.name}`);
  }
  folder.requireFree(entity.name);
  parent.release(entity);
  folder.adopt(entity);
}

function isInside(entity: ManagedEntity, folder: Folder): boolean {
  for (let at: ManagedEntity | undefined = entity; at !== undefined; at = at.parent) if (at === folder) return true;
  return false;
}
