import type { MoRef } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import { ComputeResource } from '../inventory/compute-resource.js';
import { Datacenter } from '../inventory/datacenter.js';
import { Folder } from '../inventory/folder.js';
import { ManagedEntity } from '../inventory/managed-entity.js';
import type { VirtualMachine } from '../inventory/virtual-machine.js';
import type { World } from '../world.js';
import type { Handlers } from './handler.js';

/** What the methods that look a UUID up are asked. */
interface UuidQuery {
  readonly datacenter?: MoRef;
  readonly uuid: string;
  readonly vmSearch: boolean;
  readonly instanceUuid?: boolean;
}

export const searchIndexMethods: Handlers<'FindAllByUuid' | 'FindByUuid' | 'FindByInventoryPath' | 'FindChild'> = {
  FindAllByUuid: (world, _target, query) => findByUuid(world, query).map(({ ref }) => ref),

  FindByUuid: (world, _target, query) => findByUuid(world, query)[0]?.ref,

  FindByInventoryPath({ rootFolder }, _target, { inventoryPath }) {
    let entity: ManagedEntity | undefined = rootFolder;
    for (const name of inventoryPath.split('/').filter((part) => part !== '')) {
      entity = entity === undefined ? undefined : childrenOf(entity).find((child) => child.name === name);
    }
    return entity?.ref;
  },

  FindChild({ registry }, _target, { entity, name }) {
    const parent = registry.get(ManagedEntity, entity, 'entity');
    if (parent instanceof Folder) return parent.child(name)?.ref;
    return childrenOf(parent).find((child) => child.name === name)?.ref;
  },
};

function findByUuid(
  world: World,
  { datacenter: ref, uuid, vmSearch, instanceUuid = false }: UuidQuery,
): VirtualMachine[] {
  const datacenter = ref === undefined ? undefined : world.registry.get(Datacenter, ref, 'datacenter');
  if (!/^[0-9a-f-]{32,36}$/i.test(uuid))
    throw fault('InvalidArgument', { invalidProperty: 'uuid' }, `"${uuid}" is no UUID`);
  if (!vmSearch) return [];
  const wanted = uuid.toLowerCase();
  return world.vms.filter(
    (vm) =>
      vm.access !== 'hidden' &&
      (instanceUuid ? vm.config.instanceUuid : vm.config.uuid) === wanted &&
      (datacenter === undefined || vm.ancestor(Datacenter) === datacenter),
  );
}

function childrenOf(entity: ManagedEntity): readonly ManagedEntity[] {
  if (entity instanceof Folder) return entity.children;
  if (entity instanceof Datacenter) return entity.folders;
  if (entity instanceof ComputeResource) return [entity.resourcePool, ...entity.hosts];
  return [];
}
