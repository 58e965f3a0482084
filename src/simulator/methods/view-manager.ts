import { randomUUID } from 'node:crypto';
import { fault } from '../fault.js';
import { ManagedEntity } from '../inventory/managed-entity.js';
import { isA, isManagedType } from '../managed-types.js';
import { ContainerView, isContainer } from '../views/container-view.js';
import type { Handlers } from './handler.js';

export const viewManagerMethods: Handlers<'CreateContainerView' | 'DestroyView'> = {
  CreateContainerView({ registry }, _target, { container, type: types = [], recursive }, { session }) {
    const entity = registry.get(ManagedEntity, container, 'container');
    if (!isContainer(entity)) throw fault('InvalidArgument', { invalidProperty: 'container' }, 'It contains nothing');
    const bad = types.find((type) => !isManagedType(type) || !isA(type, 'ManagedEntity'));
    if (bad !== undefined) throw fault('InvalidArgument', { invalidProperty: 'type' }, `${bad} is in no inventory`);
    const id = `session[${session?.key ?? ''}]${randomUUID()}`;
    const view = registry.add(new ContainerView(id, entity, types, recursive));
    session?.ended.addEventListener('abort', () => {
      registry.remove(view);
    });
    return view.ref;
  },

  DestroyView({ registry }, target) {
    registry.remove(target);
    return undefined;
  },
};
