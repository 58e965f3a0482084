import { VimProtocolError } from '../../errors/index.js';
import type { MoRef } from '../schema/infer.js';
import type { ObjectTypeName } from '../schema/object-types.js';
import { isScalar, parseTypeSpec, type ScalarType } from '../schema/type-spec.js';
import { parseBoolean, parseInteger } from './scalars.js';
import { isObjectType, isSubtype, typeFacts } from './type-facts.js';

/**
 * Gives a property's value the type that the schema table declares for it. A property travels as `xsd:anyType`, so its
 * type is what the server said, and some say nothing, or `xsd:int` for a long: `conform` makes the difference disappear.
 *
 * @param spec the property's {@link TypeSpec}
 * @throws VimProtocolError that names the path of what cannot be the declared type
 */
export function conform(spec: string, value: unknown, path: string): unknown {
  const { type, array, optional } = parseTypeSpec(spec);
  if (value === undefined || value === null) {
    if (optional) return undefined;
    if (array) return [];
    throw new VimProtocolError(`${path}: missing`);
  }
  if (!array) return conformSingle(type, value, path);
  return itemsOf(value, type).map((item, index) => conformSingle(type, item, `${path}[${index}]`));
}

function conformSingle(type: string, value: unknown, path: string): unknown {
  if (isScalar(type)) return type === 'any' ? value : conformScalar(type, value, path);
  if (type === 'ref') return conformRef(value, path);
  return conformObject(type as ObjectTypeName, value, path);
}

function conformScalar(type: Exclude<ScalarType, 'any'>, value: unknown, path: string): unknown {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw new VimProtocolError(`${path}: is no ${type}`);
  }
  switch (type) {
    case 'string':
    case 'dateTime':
      return String(value);
    case 'boolean':
      return parseBoolean(String(value), path);
    case 'int':
    case 'long':
      return parseInteger(String(value), path);
  }
}

function conformRef(value: unknown, path: string): MoRef {
  if (isRecord(value) && typeof value['type'] === 'string' && typeof value['value'] === 'string') {
    return { type: value['type'], value: value['value'] };
  }
  throw new VimProtocolError(`${path}: is no managed object reference`);
}

function conformObject(declared: ObjectTypeName, value: unknown, path: string): unknown {
  // An element without children reads as empty text where the server did not say its type.
  const given = value === '' ? {} : value;
  if (!isRecord(given)) throw new VimProtocolError(`${path}: is no ${declared}`);
  const actual = typeof given['_type'] === 'string' ? given['_type'] : declared;
  const own = isObjectType(actual) ? actual : declared;
  if (!isSubtype(own, declared)) throw new VimProtocolError(`${path}: ${actual} is no ${declared}`);
  const facts = typeFacts(own);
  if (facts.abstract && actual === own) throw new VimProtocolError(`${path}: does not say which ${actual} it is`);
  const conformed: Record<string, unknown> = '_type' in given || facts.extended ? { _type: actual } : {};
  for (const [name, { type, array, optional }] of facts.fields) {
    const field = conform(`${type}${array ? '[]' : ''}${optional ? '?' : ''}`, given[name], `${path}.${name}`);
    if (field !== undefined) conformed[name] = field;
  }
  return conformed;
}

/** The items of an array, also where it came untyped: one item by itself, or items inside an `ArrayOf` wrapper. */
function itemsOf(value: unknown, type: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value === '') return [];
  if (!isRecord(value) || '_type' in value) return [value];
  const wrapped = value[type === 'ref' ? 'ManagedObjectReference' : type];
  if (wrapped === undefined) return [value];
  return Array.isArray(wrapped) ? wrapped : [wrapped];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
