import { randomUUID } from 'node:crypto';
import type { Caller } from '../caller.js';
import { fault } from '../fault.js';
import type { ManagedObject } from '../managed-object.js';
import { Collector } from '../properties/collector.js';
import { PropertyFilter } from '../properties/property-filter.js';
import type { Session } from '../session.js';
import type { World } from '../world.js';
import { as, type Handlers } from './handler.js';

type Methods =
  | 'RetrieveProperties'
  | 'RetrievePropertiesEx'
  | 'ContinueRetrievePropertiesEx'
  | 'CancelRetrievePropertiesEx'
  | 'CreatePropertyCollector'
  | 'DestroyPropertyCollector'
  | 'CreateFilter'
  | 'DestroyPropertyFilter'
  | 'WaitForUpdates'
  | 'WaitForUpdatesEx'
  | 'CancelWaitForUpdates';

export const propertyCollectorMethods: Handlers<Methods> = {
  RetrieveProperties: (world, target, { specSet }, caller) =>
    collectorOf(world, target, caller).retrieve(specSet, undefined)?.objects,

  RetrievePropertiesEx: (world, target, { specSet, options }, caller) =>
    collectorOf(world, target, caller).retrieve(specSet, options.maxObjects),

  ContinueRetrievePropertiesEx: (world, target, { token }, caller) =>
    collectorOf(world, target, caller).continueRetrieval(token),

  CancelRetrievePropertiesEx(world, target, { token }, caller) {
    collectorOf(world, target, caller).cancelRetrieval(token);
    return undefined;
  },

  CreatePropertyCollector({ registry }, _target, _args, caller) {
    const session = sessionOf(caller);
    const collector = new Collector(registry, session, `session[${session.key}]${randomUUID()}`);
    session.collectors.set(collector.id, collector);
    return collector.ref;
  },

  DestroyPropertyCollector(world, target, _args, caller) {
    if (target.id === world.managers.serviceInstance.content.propertyCollector.value) {
      throw fault('NotSupported', {}, 'The default property collector cannot be destroyed');
    }
    collectorOf(world, target, caller).destroy();
    sessionOf(caller).collectors.delete(target.id);
    return undefined;
  },

  CreateFilter: (world, target, { spec }, caller) => collectorOf(world, target, caller).createFilter(spec).ref,

  DestroyPropertyFilter(_world, target, _args, caller) {
    const filter = as(PropertyFilter, target);
    const { collector } = filter;
    if (sessionOf(caller).collectors.get(collector.id) !== collector) {
      throw fault('ManagedObjectNotFound', { obj: filter.ref }, 'The filter belongs to another session');
    }
    collector.destroyFilter(filter);
    return undefined;
  },

  async WaitForUpdates(world, target, { version = '' }, caller) {
    const updates = await collectorOf(world, target, caller).waitForUpdates(version, {}, caller.signal);
    // Without a limit it waits until there are some.
    if (updates === undefined) throw new Error('a wait without a limit ended with nothing');
    return updates;
  },

  WaitForUpdatesEx: (world, target, { version = '', options = {} }, caller) =>
    collectorOf(world, target, caller).waitForUpdates(version, options, caller.signal),

  CancelWaitForUpdates(world, target, _args, caller) {
    collectorOf(world, target, caller).cancelWait();
    return undefined;
  },
};

/** The caller's own collector behind a reference: the default one is another object for each session. */
function collectorOf({ registry }: World, target: ManagedObject, caller: Caller): Collector {
  const { collectors } = sessionOf(caller);
  const found = collectors.get(target.id) ?? new Collector(registry, sessionOf(caller), target.id);
  collectors.set(target.id, found);
  return found;
}

function sessionOf({ session }: Caller): Session {
  if (session === undefined) throw new Error('a property collector was used without a session');
  return session;
}
