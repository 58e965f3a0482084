import { parseTypeSpec, type TypeSpec } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import type { ManagedObject } from '../managed-object.js';
import type { ManagedTypeName } from '../managed-types.js';
import type { Session } from '../session.js';
import { fieldsOf, vim25 } from '../soap/schema.js';
import { TypedValue } from '../soap/typed-value.js';
import { propertiesOf } from './property-tables.js';

/**
 * The declared type of a property path such as `config.hardware.device`.
 *
 * @throws Fault InvalidProperty where the type has no such property
 */
export function propertySpec(type: ManagedTypeName, path: string): TypeSpec {
  const [root = '', ...rest] = path.split('.');
  const table = propertiesOf(type);
  let spec = Object.hasOwn(table, root) ? table[root]?.spec : undefined;
  for (const name of rest) {
    if (spec === undefined || parseTypeSpec(spec).array) break;
    const fields = fieldsOf(vim25, parseTypeSpec(spec).type);
    spec = fields.find(([field]) => field === name)?.[1];
  }
  const invalid = rest.length > 0 && spec !== undefined && endsInsideArray(type, path);
  if (spec === undefined || invalid) {
    throw fault('InvalidProperty', { name: path }, `The property ${path} of ${type} does not exist`);
  }
  return spec;
}

/** Whether a path goes on after a sequence, which has no properties. */
function endsInsideArray(type: ManagedTypeName, path: string): boolean {
  const parent = path.slice(0, path.lastIndexOf('.'));
  return parent !== '' && parseTypeSpec(propertySpec(type, parent)).array;
}

/** A property's value now, or undefined where it is unset. The path must have been checked by {@link propertySpec}. */
export function readProperty(object: ManagedObject, path: string, viewer: Session): TypedValue | undefined {
  const [root = '', ...rest] = path.split('.');
  let value: unknown = propertiesOf(object.type)[root]?.get(object, viewer);
  for (const name of rest) value = (value as Readonly<Record<string, unknown>> | undefined)?.[name];
  return value === undefined ? undefined : new TypedValue(propertySpec(object.type, path), value);
}
