import { VimProtocolError } from '../../errors/index.js';
import { methods, type MethodDefinition, type MethodName } from '../schema/methods.js';
import type { MoRef } from '../schema/infer.js';
import type { ObjectTypeName } from '../schema/object-types.js';
import { isScalar, parseTypeSpec, type ParsedTypeSpec, type ScalarType } from '../schema/type-spec.js';
import { parseBoolean, parseInteger } from './scalars.js';
import { isObjectType, isSubtype, typeFacts } from './type-facts.js';
import { attributesKey, isWireElement, valueKey, xsiTypeOf, type WireElement, type WireNode } from './wire-node.js';

/**
 * What a method returned.
 *
 * @param response the method's response element as node-soap gives it
 * @throws VimProtocolError where it is not what the schema table declares
 */
export function decodeResult(method: MethodName, response: WireNode): unknown {
  const { returns }: MethodDefinition = methods[method];
  if (returns === undefined) return undefined;
  const returned = isWireElement(response) ? response['returnval'] : undefined;
  return decodeField(parseTypeSpec(returns), returned, `${method}.returnval`);
}

/**
 * One value as plain data. Arrays are arrays however many elements they have; a type the subset does not know is decoded
 * as the declared one, with its own name as `_type`.
 *
 * @throws VimProtocolError that names the path of what is not as declared
 */
export function decodeValue(declared: string, node: WireNode, path: string): unknown {
  if (Array.isArray(node)) throw new VimProtocolError(`${path}: several elements where one was expected`);
  if (isScalar(declared)) return declared === 'any' ? decodeAny(node, path) : decodeScalar(declared, node, path);
  if (declared === 'ref') return decodeRef(node, path);
  return decodeObject(declared as ObjectTypeName, node, path);
}

function decodeField({ type, array, optional }: ParsedTypeSpec, node: WireNode, path: string): unknown {
  if (node === undefined) {
    if (optional) return undefined;
    // An empty sequence leaves no element behind; some servers send one where the schema asks for more.
    if (array) return [];
    throw new VimProtocolError(`${path}: missing`);
  }
  if (!array) return decodeValue(type, node, path);
  return asArray(node).map((item, index) => decodeValue(type, item, `${path}[${index}]`));
}

function decodeObject(declared: ObjectTypeName, node: WireNode, path: string, named = false): unknown {
  if (node !== null && !isWireElement(node)) throw new VimProtocolError(`${path}: text where ${declared} was expected`);
  const element = node ?? {};
  const actual = xsiTypeOf(element) ?? declared;
  const own = isObjectType(actual) ? actual : declared;
  if (!named && !isSubtype(own, declared)) throw new VimProtocolError(`${path}: ${actual} is no ${declared}`);
  const facts = typeFacts(own);
  if (facts.abstract && actual === own) throw new VimProtocolError(`${path}: does not say which ${actual} it is`);
  const decoded: Record<string, unknown> = named || actual !== declared || facts.extended ? { _type: actual } : {};
  for (const [name, spec] of facts.fields) {
    const value = decodeField(spec, child(element, name), `${path}.${name}`);
    if (value !== undefined) decoded[name] = value;
  }
  return decoded;
}

function decodeRef(node: WireNode, path: string): MoRef {
  const type = isWireElement(node) ? attribute(node, 'type') : undefined;
  const value = isWireElement(node) ? node[valueKey] : undefined;
  if (type === undefined || typeof value !== 'string') {
    throw new VimProtocolError(`${path}: is no managed object reference`);
  }
  return { type, value: value.trim() };
}

/** A value of `xsd:anyType`, by what its `xsi:type` says it is, or else by what it looks like. */
function decodeAny(node: WireNode, path: string): unknown {
  const type = isWireElement(node) ? xsiTypeOf(node) : undefined;
  if (type === undefined) return decodeUntyped(node, path);
  if (type === 'ManagedObjectReference') return decodeRef(node, path);
  if (type.startsWith('ArrayOf')) return decodeArrayOf(type.slice('ArrayOf'.length), node, path);
  if (isObjectType(type)) return decodeObject(type, node, path, true);
  const scalar = xsdTypes[type];
  if (scalar !== undefined) return decodeScalar(scalar, node, path);
  const decoded = decodeUntyped(node, path);
  // An enumeration is text; a data object that the subset does not know keeps its name.
  return typeof decoded === 'object' ? { _type: type, ...decoded } : decoded;
}

const xsdTypes: Readonly<Record<string, Exclude<ScalarType, 'any'>>> = {
  string: 'string',
  boolean: 'boolean',
  byte: 'int',
  short: 'int',
  int: 'int',
  long: 'long',
  dateTime: 'dateTime',
};

const arrayItemTypes: Readonly<Record<string, string>> = {
  ManagedObjectReference: 'ref',
  String: 'string',
  Boolean: 'boolean',
  Byte: 'int',
  Short: 'int',
  Int: 'int',
  Long: 'long',
};

function decodeArrayOf(name: string, node: WireNode, path: string): readonly unknown[] {
  const items = isWireElement(node) ? childNames(node).flatMap((key) => asArray(child(node, key))) : [];
  const declared = arrayItemTypes[name] ?? (isObjectType(name) ? name : 'any');
  return items.map((item, index) => decodeValue(declared, item, `${path}[${index}]`));
}

function decodeUntyped(node: WireNode, path: string): unknown {
  if (!isWireElement(node)) return decodeScalar('string', node, path);
  const names = childNames(node);
  if (names.length === 0) {
    return attribute(node, 'type') === undefined ? decodeScalar('string', node, path) : decodeRef(node, path);
  }
  return Object.fromEntries(
    names.map((name) => {
      const value = child(node, name);
      const at = `${path}.${name}`;
      return [name, Array.isArray(value) ? asArray(value).map((item) => decodeAny(item, at)) : decodeAny(value, at)];
    }),
  );
}

function decodeScalar(declared: Exclude<ScalarType, 'any'>, node: WireNode, path: string): string | number | boolean {
  const text = textOf(node, path);
  switch (declared) {
    case 'string':
      return text;
    case 'dateTime':
      return text.trim();
    case 'boolean':
      return parseBoolean(text, path);
    case 'int':
    case 'long':
      return parseInteger(text, path);
  }
}

function textOf(node: WireNode, path: string): string {
  if (node === null || node === undefined) return '';
  if (typeof node !== 'object') return String(node);
  if (!isWireElement(node) || childNames(node).length > 0)
    throw new VimProtocolError(`${path}: elements where text was expected`);
  const value = node[valueKey];
  return typeof value === 'string' ? value : '';
}

function attribute(element: WireElement, name: string): string | undefined {
  const attributes = element[attributesKey];
  const value = isWireElement(attributes) && Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}

function child(element: WireElement, name: string): WireNode {
  return Object.hasOwn(element, name) ? element[name] : undefined;
}

function childNames(element: WireElement): string[] {
  return Object.keys(element).filter((name) => name !== attributesKey && name !== valueKey);
}

function asArray(node: WireNode): readonly WireNode[] {
  return Array.isArray(node) ? (node as readonly WireNode[]) : [node];
}
