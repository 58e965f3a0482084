import type { Caller } from '../caller.js';
import type { ManagedObject } from '../managed-object.js';
import { propertySpec, readProperty } from '../properties/read-property.js';
import type { TypedValue } from '../soap/typed-value.js';
import type { World } from '../world.js';

/**
 * Reads one property of any object.
 *
 * @throws Fault InvalidProperty
 */
export function fetchProperty(
  _world: World,
  target: ManagedObject,
  { prop }: { readonly prop: string },
  { session }: Caller,
): TypedValue | undefined {
  propertySpec(target.type, prop);
  return session === undefined ? undefined : readProperty(target, prop, session);
}
