import { parseTypeSpec, type TypeSpec } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import type { ManagedObject } from '../managed-object.js';
import type { ManagedTypeName } from '../managed-types.js';
import type { Session } from '../session.js';
import { fieldsOf, vim25 } from '../soap/schema.js';
import { TypedValue } from '../soap/typed-value.js';
import { parsePropertyPath, type PathStep } from './property-path.js';
import { propertiesOf } from './property-tables.js';

/**
 * The declared type of a property path such as `config.hardware.device`.
 *
 * @throws Fault InvalidProperty where the type has no such property
 */
export function propertySpec(type: ManagedTypeName, path: string): TypeSpec {
  const [root, ...rest] = parsePropertyPath(path) ?? [];
  const table = propertiesOf(type);
  let spec =
    root !== undefined && 'field' in root && Object.hasOwn(table, root.field) ? table[root.field]?.spec : undefined;
  for (const step of rest) spec = spec === undefined ? undefined : stepSpec(spec, step);
  if (spec === undefined) {
    throw fault('InvalidProperty', { name: path }, `The property ${path} of ${type} does not exist`);
  }
  return spec;
}

/** What a step leads to: a sequence has entries only, and those by their keys; anything else has only fields. */
function stepSpec(from: TypeSpec, step: PathStep): TypeSpec | undefined {
  const { type, array } = parseTypeSpec(from);
  const fields = new Map(fieldsOf(vim25, type));
  if ('field' in step) return array ? undefined : fields.get(step.field);
  const keyed = fields.get('key') === (typeof step.key === 'string' ? 'string' : 'int');
  return array && keyed ? `${type}?` : undefined;
}

/** A property's value now, or undefined where it is unset. The path must have been checked by {@link propertySpec}. */
export function readProperty(object: ManagedObject, path: string, viewer: Session): TypedValue | undefined {
  let value: unknown;
  parsePropertyPath(path)?.forEach((step, i) => {
    if (i === 0) value = 'field' in step ? propertiesOf(object.type)[step.field]?.get(object, viewer) : undefined;
    else value = value === undefined ? undefined : follow(value, step);
  });
  return value === undefined ? undefined : new TypedValue(propertySpec(object.type, path), value);
}

function follow(value: unknown, step: PathStep): unknown {
  if ('field' in step) return (value as Readonly<Record<string, unknown>>)[step.field];
  return (value as readonly { readonly key?: unknown }[]).find(({ key }) => key === step.key);
}
