import type { MoRef } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import { Datacenter } from '../inventory/datacenter.js';
import type { Datastore } from '../inventory/datastore.js';
import type { Place } from '../inventory/disk-chain.js';
import { parseDatastorePath } from '../storage/datastore-path.js';
import type { World } from '../world.js';

/**
 * Finds the place a datastore path names. The datacenter must be known on a vCenter, where names of datastores are not
 * unique.
 *
 * @throws Fault InvalidDatastorePath; InvalidDatastore where there is no such datastore or it is inaccessible
 */
export function locate(world: World, text: string, datacenter: Datacenter | undefined): Place {
  const { datastore: name, path } = parseDatastorePath(text);
  const datastore = world.datastoreNamed(name, datacenter);
  if (datastore === undefined) throw fault('InvalidDatastore', { name }, `There is no datastore [${name}]`);
  requireAccessible(datastore);
  return { datastore, path };
}

/**
 * Finds the place that a `name` and a `datacenter` argument of a manager's method stand for.
 *
 * @throws Fault InvalidArgument where a vCenter is not told the datacenter; and as {@link locate}
 */
export function locateArgument(world: World, text: string, ref: MoRef | undefined, argument = 'datacenter'): Place {
  if (ref === undefined && world.isVcenter) {
    throw fault('InvalidArgument', { invalidProperty: argument }, `${argument} is needed to find ${text}`);
  }
  return locate(world, text, ref === undefined ? undefined : world.registry.get(Datacenter, ref, argument));
}

/** @throws Fault InvalidDatastore */
export function requireAccessible(datastore: Datastore): void {
  if (!datastore.accessible) {
    throw fault(
      'InvalidDatastore',
      { datastore: datastore.ref, name: datastore.name },
      `[${datastore.name}] is not accessible`,
    );
  }
}
