import { isScalar, parseTypeSpec, type TypeSpec } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import { decodeScalar } from './decode-scalar.js';
import { XML_SCHEMA, XML_SCHEMA_INSTANCE, XMLNS } from './namespaces.js';
import { extendsType, fieldsOf, objectType, type Schema } from './schema.js';
import { attribute, type XmlElement } from './xml-element.js';

/** The scalar that an XML Schema type of an `xsd:anyType` value stands for. */
const anyScalars: Readonly<Record<string, 'string' | 'boolean' | 'int' | 'long' | 'dateTime'>> = {
  string: 'string',
  boolean: 'boolean',
  byte: 'int',
  short: 'int',
  int: 'int',
  long: 'long',
  dateTime: 'dateTime',
};

/**
 * Reads the content of `parent` as the given fields. As strict as a vim25 server: elements must be known, in schema
 * order, and there when they are not optional.
 *
 * @param owner - what the fields belong to, for messages
 * @throws Fault InvalidRequest or InvalidType
 */
export function decodeFields(
  schema: Schema,
  parent: XmlElement,
  fields: readonly (readonly [string, TypeSpec])[],
  owner: string,
  children: readonly XmlElement[] = parent.children,
): Record<string, unknown> {
  if (parent.text.trim() !== '') {
    throw fault('InvalidRequest', {}, `Unexpected character data in ${owner}`);
  }
  const values: Record<string, unknown> = {};
  let next = 0;
  for (const [name, spec] of fields) {
    const { array, optional } = parseTypeSpec(spec);
    const found: unknown[] = [];
    for (let child = children[next]; child?.name === name; child = children[next]) {
      if (!array && found.length === 1) {
        throw fault('InvalidRequest', {}, `Element ${name} occurs more than once in ${owner}`);
      }
      found.push(decodeElement(schema, child, spec, `${owner}.${name}`));
      next++;
    }
    if (found.length > 0) values[name] = array ? found : found[0];
    else if (!optional && !array) {
      // The element is absent, or stands where it may not.
      const misplaced = children.slice(next).some((child) => child.name === name);
      throw fault(
        'InvalidRequest',
        {},
        misplaced
          ? `Element ${name} of ${owner} is out of order: ${children[next]?.name ?? ''} must come after it`
          : `Required property ${name} is missing from ${owner}`,
      );
    } else if (!optional) values[name] = [];
  }
  const rest = children[next];
  if (rest !== undefined) {
    const known = fields.some(([name]) => name === rest.name);
    throw fault(
      'InvalidRequest',
      {},
      known ? `Element ${rest.name} of ${owner} is out of order` : `Unexpected element ${rest.name} in ${owner}`,
    );
  }
  return values;
}

/** Reads one element as a value of the declared type. */
function decodeElement(schema: Schema, element: XmlElement, spec: TypeSpec, path: string): unknown {
  const { type } = parseTypeSpec(spec);
  if (element.namespace !== schema.namespace) {
    throw fault('InvalidRequest', {}, `Element ${path} is in namespace "${element.namespace}"`);
  }
  checkAttributes(element, type === 'ref' || type === 'any', path);
  const actual = actualType(schema, element, path);
  if (type === 'any') return decodeAny(schema, element, actual, path);
  if (type === 'ref') {
    if (actual !== undefined && actual !== 'ref') throw invalidType(`xsi:type of ${path} is ${actual}`, path);
    return decodeRef(element, path);
  }
  if (isScalar(type)) {
    if (actual !== undefined && actual !== type && !isEnumeration(schema, actual, type)) {
      throw invalidType(`xsi:type of ${path} is ${actual}, declared is ${type}`, path);
    }
    return scalar(element, type, path);
  }
  const definition = objectType(schema, type);
  if (definition?.abstract === true && actual === undefined) {
    throw invalidType(`${path} is of the abstract type ${type} and names no type by xsi:type`, path);
  }
  const name = actual ?? type;
  if (!extendsType(schema, name, type)) throw invalidType(`${path}: ${name} is not a ${type}`, path);
  return decodeObject(schema, element, name, path);
}

function decodeObject(schema: Schema, element: XmlElement, name: string, path: string): unknown {
  if (objectType(schema, name)?.abstract === true) throw invalidType(`${path}: ${name} is abstract`, path);
  return { _type: name, ...decodeFields(schema, element, fieldsOf(schema, name), `${path} (${name})`) };
}

function decodeAny(schema: Schema, element: XmlElement, actual: string | undefined, path: string): unknown {
  if (actual === undefined) throw invalidType(`${path} is of any type and names none by xsi:type`, path);
  if (actual === 'ref') return decodeRef(element, path);
  if (isScalar(actual) && actual !== 'any') return scalar(element, actual, path);
  return decodeObject(schema, element, actual, path);
}

/** A `ManagedObjectReference`: its id as text, its type as attribute. */
export function decodeRef(element: XmlElement, path: string): { type: string; value: string } {
  const type = attribute(element, 'type');
  const value = element.text.trim();
  if (type === undefined || type === '') throw invalidType(`${path} is a reference without a type attribute`, path);
  if (value === '' || element.children.length > 0) throw fault('InvalidRequest', {}, `${path} is no reference`);
  return { type, value };
}

function scalar(element: XmlElement, type: 'string' | 'boolean' | 'int' | 'long' | 'dateTime' | 'any', path: string) {
  if (type === 'any') throw invalidType(`${path} has no type`, path);
  if (element.children.length > 0) throw fault('InvalidRequest', {}, `${path} holds elements where text belongs`);
  const value = decodeScalar(type, element.text);
  if (value === undefined) throw fault('InvalidRequest', {}, `${path}: "${element.text}" is not of type ${type}`);
  return value;
}

/** The type an element names by `xsi:type`: a scalar's or object type's name, or `ref`. */
function actualType(schema: Schema, element: XmlElement, path: string): string | undefined {
  const value = attribute(element, 'type', XML_SCHEMA_INSTANCE)?.trim();
  if (value === undefined) return undefined;
  const colon = value.indexOf(':');
  const prefix = colon < 0 ? '' : value.slice(0, colon);
  const name = value.slice(colon + 1);
  // oslo.vmware writes `xsd:string` and declares no such prefix. It has worked with vCenters for years, so they let that pass.
  const namespace = element.namespaceOf(prefix) ?? (prefix === 'xsd' ? XML_SCHEMA : undefined);
  if (namespace === XML_SCHEMA) {
    const type = anyScalars[name];
    if (type === undefined) throw invalidType(`${path}: type ${value} is not known`, path);
    return type;
  }
  if (namespace !== schema.namespace) throw invalidType(`${path}: prefix of type ${value} means nothing here`, path);
  if (name === 'ManagedObjectReference') return 'ref';
  return name;
}

function checkAttributes(element: XmlElement, mayHaveType: boolean, path: string): void {
  for (const { name, namespace } of element.attributes) {
    if (namespace === XMLNS || (namespace === '' && (name === 'xmlns' || (name === 'type' && mayHaveType)))) continue;
    // pyVmomi says of everything it sends which version of the API it takes it from.
    if (namespace === '' && name === 'versionId') continue;
    if (namespace === XML_SCHEMA_INSTANCE && name === 'type') continue;
    if (namespace === XML_SCHEMA_INSTANCE && name === 'nil') {
      throw fault('InvalidRequest', {}, `${path} is nil: elements without a value are left out`);
    }
    throw fault('InvalidRequest', {}, `Unexpected attribute ${name} of ${path}`);
  }
}

/** Enumerations are strings in the subset's table; a client may name their real type. */
function isEnumeration(schema: Schema, actual: string, declared: string): boolean {
  return (
    declared === 'string' && !isScalar(actual) && objectType(schema, actual) === undefined && /^[A-Z]/.test(actual)
  );
}

function invalidType(message: string, argument: string) {
  return fault('InvalidType', { argument }, message);
}
