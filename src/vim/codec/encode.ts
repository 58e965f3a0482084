import { InvalidInputError } from '../../errors/index.js';
import type { MoRef } from '../schema/infer.js';
import { type MethodDefinition, type MethodName, methods } from '../schema/methods.js';
import { isScalar, type ParsedTypeSpec, parseTypeSpec, type ScalarType } from '../schema/type-spec.js';
import { isObjectType, isSubtype, typeFacts } from './type-facts.js';
import { attributesKey, valueKey, type WireElement, type WireNode, xmlKey } from './wire-node.js';

const schemaNamespace = 'http://www.w3.org/2001/XMLSchema';

/**
 * A call as node-soap writes it: `_this`, then the parameters in schema order.
 *
 * @throws InvalidInputError that names the path of a value that is not what the schema table declares: this is a
 *   programming error, nothing was sent
 */
export function encodeCall(method: MethodName, target: MoRef, args: object): WireElement {
  const { params }: MethodDefinition = methods[method];
  const specs = new Map(Object.entries(params).map(([name, spec]) => [name, parseTypeSpec(spec)] as const));
  return {
    // Declared where `xsi:type="xsd:string"` can use it: node-soap declares only `xsi` in the envelope.
    [attributesKey]: { 'xmlns:xsd': schemaNamespace },
    _this: encodeRef(target, `${method}._this`, {}),
    ...encodeFields(specs, args, method, 'parameter'),
  };
}

/**
 * One value as node-soap writes it.
 *
 * @throws InvalidInputError that names the path of what is not as declared
 */
export function encodeValue(declared: string, value: unknown, path: string): WireNode {
  if (isScalar(declared)) return declared === 'any' ? encodeAny(value, path) : encodeScalar(declared, value, path);
  if (declared === 'ref') return encodeRef(value, path, {});
  return encodeObject(declared, value, path);
}

function encodeFields(
  specs: ReadonlyMap<string, ParsedTypeSpec>,
  value: object,
  path: string,
  kind: 'field' | 'parameter',
): WireElement {
  const given = value as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(given)) {
    if (name !== '_type' && given[name] !== undefined && !specs.has(name)) {
      throw new InvalidInputError(`${path}.${name}`, `unknown ${kind}`);
    }
  }
  const encoded: Record<string, WireNode> = {};
  for (const [name, spec] of specs) {
    const node = encodeField(spec, Object.hasOwn(given, name) ? given[name] : undefined, `${path}.${name}`);
    if (node !== undefined) encoded[name] = node;
  }
  return encoded;
}

function encodeField(spec: ParsedTypeSpec, value: unknown, path: string): WireNode {
  if (value === undefined) {
    if (!spec.optional) throw new InvalidInputError(path, 'missing');
    return undefined;
  }
  if (!spec.array) return encodeValue(spec.type, value, path);
  if (!Array.isArray(value)) throw new InvalidInputError(path, 'is no array');
  if (value.length === 0) {
    if (!spec.optional) throw new InvalidInputError(path, 'is empty');
    return undefined;
  }
  return value.map((item: unknown, index) => encodeValue(spec.type, item, `${path}[${index}]`));
}

function encodeObject(declared: string, value: unknown, path: string, nameType = false): WireElement {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidInputError(path, `is no ${declared}`);
  }
  const actual = '_type' in value && value._type !== undefined ? value._type : declared;
  if (typeof actual !== 'string' || !isObjectType(actual)) {
    throw new InvalidInputError(`${path}._type`, 'unknown type');
  }
  if (!nameType && !isSubtype(actual, declared)) throw new InvalidInputError(`${path}._type`, `is no ${declared}`);
  const facts = typeFacts(actual);
  if (facts.abstract) throw new InvalidInputError(`${path}._type`, `must name a type that extends ${actual}`);
  return {
    ...(nameType || actual !== declared ? { [attributesKey]: { 'xsi:type': actual } } : {}),
    ...encodeFields(facts.fields, value, path, 'field'),
  };
}

function encodeRef(value: unknown, path: string, attributes: Readonly<Record<string, string>>): WireElement {
  if (typeof value !== 'object' || value === null || !('type' in value) || !('value' in value)) {
    throw new InvalidInputError(path, 'is no managed object reference');
  }
  const { type, value: id, ...others } = value;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw new InvalidInputError(`${path}.${unknown}`, 'unknown field');
  if (typeof type !== 'string' || !/^\w+$/.test(type)) throw new InvalidInputError(`${path}.type`, 'is no type name');
  if (typeof id !== 'string' || id === '') throw new InvalidInputError(`${path}.value`, 'is no id');
  return { [attributesKey]: { ...attributes, type }, ...attributed(text(id, `${path}.value`)) };
}

/** A value of `xsd:anyType`: it says by `xsi:type` what it is. */
function encodeAny(value: unknown, path: string): WireElement {
  switch (typeof value) {
    case 'string':
      return { [attributesKey]: { 'xsi:type': 'xsd:string' }, ...attributed(text(value, path)) };
    case 'boolean':
      return { [attributesKey]: { 'xsi:type': 'xsd:boolean' }, [valueKey]: String(value) };
    case 'number': {
      const type = isInt(value) ? 'int' : 'long';
      return { [attributesKey]: { 'xsi:type': `xsd:${type}` }, [valueKey]: encodeInteger(type, value, path) };
    }
    default:
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw new InvalidInputError(path, 'is neither text, number, boolean, reference nor data object');
      }
      if ('_type' in value) return encodeObject('any', value, path, true);
      return encodeRef(value, path, { 'xsi:type': 'ManagedObjectReference' });
  }
}

function encodeScalar(declared: Exclude<ScalarType, 'any'>, value: unknown, path: string): WireNode {
  switch (declared) {
    case 'string':
    case 'dateTime':
      if (typeof value !== 'string') throw new InvalidInputError(path, 'is no string');
      return text(value, path);
    case 'boolean':
      if (typeof value !== 'boolean') throw new InvalidInputError(path, 'is no boolean');
      return String(value);
    case 'int':
    case 'long':
      return encodeInteger(declared, value, path);
  }
}

function encodeInteger(declared: 'int' | 'long', value: unknown, path: string): string {
  const fits = declared === 'int' ? isInt(value) : Number.isSafeInteger(value);
  if (!fits) throw new InvalidInputError(path, `is no ${declared}`);
  return String(value);
}

function isInt(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= -(2 ** 31) && (value as number) < 2 ** 31;
}

// What XML 1.0 cannot carry: most control characters, the non-characters, and half of a surrogate pair.
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const notXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const loneSurrogate = /\p{Surrogate}/u;

/**
 * Text for node-soap to escape. It leaves text that looks like a CDATA section as it is, which would let such a name or
 * annotation become markup: that text is escaped here.
 */
function text(value: string, path: string): string | WireElement {
  if (notXml.test(value) || loneSurrogate.test(value)) {
    throw new InvalidInputError(path, 'holds a character that XML cannot carry');
  }
  if (!value.startsWith('<![CDATA[')) return value;
  return { [xmlKey]: value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;') };
}

function attributed(content: string | WireElement): WireElement {
  return typeof content === 'string' ? { [valueKey]: content } : content;
}
