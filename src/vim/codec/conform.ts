import type { MoRef } from '../schema/infer.js';
import type { ObjectTypeName } from '../schema/object-types.js';
import { isScalar, type ParsedTypeSpec, parseTypeSpec, type ScalarType } from '../schema/type-spec.js';
import { faultOf, localizedFaultOf } from './faults.js';
import { Misfit } from './misfit.js';
import { parseBoolean, parseInteger } from './scalars.js';
import { isFault, isObjectType, isSubtype, typeFacts } from './type-facts.js';

/** How many items of an array are done between two chances to pause. */
const itemsPerStep = 64;

type Steps = Generator<void, unknown, void>;

/**
 * Gives a property's value the type that the schema table declares for it. A property travels as `xsd:anyType`, so its
 * type is what the server said, and some say nothing, or `xsd:int` for a long: `conform` makes the difference disappear.
 *
 * A generator, since a value may be large: it may be paused wherever it yields.
 *
 * @param spec the property's {@link TypeSpec}
 * @throws VimProtocolError that names the path of what cannot be the declared type
 */
export function* conform(spec: string, value: unknown, path: string): Steps {
  try {
    return yield* conformField(parseTypeSpec(spec), value);
  } catch (error) {
    throw error instanceof Misfit ? error.toError(path) : error;
  }
}

function* conformField({ type, array, optional }: ParsedTypeSpec, value: unknown): Steps {
  if (value === undefined || value === null) {
    if (optional) return undefined;
    if (array) return [];
    throw new Misfit('missing');
  }
  if (!array) return yield* conformSingle(type, value);
  const conformed: unknown[] = [];
  for (const item of itemsOf(value, type)) {
    try {
      conformed.push(isFlat(type) ? conformFlat(type, item) : yield* conformObject(type as ObjectTypeName, item));
    } catch (error) {
      throw error instanceof Misfit ? error.within(`[${conformed.length}]`) : error;
    }
    if (conformed.length % itemsPerStep === 0) yield;
  }
  return conformed;
}

function* conformSingle(type: string, value: unknown): Steps {
  return isFlat(type) ? conformFlat(type, value) : yield* conformObject(type as ObjectTypeName, value);
}

/** Whether values of the type hold no others. */
function isFlat(type: string): boolean {
  return isScalar(type) || type === 'ref';
}

function conformFlat(type: string, value: unknown): unknown {
  if (type === 'any') return value;
  return type === 'ref' ? conformRef(value) : conformScalar(type as Exclude<ScalarType, 'any'>, value);
}

function conformScalar(type: Exclude<ScalarType, 'any'>, value: unknown): string | number | boolean {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw new Misfit(`is no ${type}`);
  }
  switch (type) {
    case 'string':
    case 'dateTime':
      return String(value);
    case 'boolean':
      return parseBoolean(String(value));
    case 'int':
    case 'long':
      return parseInteger(String(value));
  }
}

function conformRef(value: unknown): MoRef {
  if (isRecord(value) && typeof value['type'] === 'string' && typeof value['value'] === 'string') {
    return { type: value['type'], value: value['value'] };
  }
  throw new Misfit('is no managed object reference');
}

function* conformObject(declared: ObjectTypeName, value: unknown): Steps {
  // An element without children reads as empty text where the server did not say its type.
  const given = value === '' ? {} : value;
  if (!isRecord(given)) throw new Misfit(`is no ${declared}`);
  const actual = typeof given['_type'] === 'string' ? given['_type'] : declared;
  const own = isObjectType(actual) ? actual : declared;
  if (!isSubtype(own, declared)) throw new Misfit(`is no ${declared}`);
  const facts = typeFacts(own);
  if (isFault(own)) return faultOf({ ...given, _type: actual });
  if (own === 'LocalizedMethodFault') return localizedFaultOf(given);
  if (facts.abstract && actual === own) throw new Misfit(`does not say which ${actual} it is`);
  const conformed: Record<string, unknown> = '_type' in given || facts.extended ? { _type: actual } : {};
  for (const [name, spec] of facts.fields) {
    try {
      const field = yield* conformField(spec, Object.hasOwn(given, name) ? given[name] : undefined);
      if (field !== undefined) conformed[name] = field;
    } catch (error) {
      throw error instanceof Misfit ? error.within(`.${name}`) : error;
    }
  }
  return conformed;
}

/** The items of an array, also where it came untyped: one item by itself, or items inside an `ArrayOf` wrapper. */
function itemsOf(value: unknown, type: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value === '') return [];
  if (!isRecord(value) || '_type' in value) return [value];
  const wrapper = type === 'ref' ? 'ManagedObjectReference' : type;
  const wrapped = Object.hasOwn(value, wrapper) ? value[wrapper] : undefined;
  if (wrapped === undefined) return [value];
  return Array.isArray(wrapped) ? wrapped : [wrapped];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
