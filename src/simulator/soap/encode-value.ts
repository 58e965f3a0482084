import { isScalar, type MoRef, parseTypeSpec, type ScalarType, type TypeSpec } from '../../vim/schema/index.js';
import { escapeXml } from './escape-xml.js';
import { fieldsOf, objectType, type Schema } from './schema.js';
import { TypedValue } from './typed-value.js';

/** XML Schema's name of a scalar, as `xsi:type` gives it. */
const xsdNames: Readonly<Record<Exclude<ScalarType, 'any'>, string>> = {
  string: 'xsd:string',
  boolean: 'xsd:boolean',
  int: 'xsd:int',
  long: 'xsd:long',
  dateTime: 'xsd:dateTime',
};

/** Writes fields as elements in schema order; what is undefined is left out. */
export function encodeFields(
  schema: Schema,
  fields: readonly (readonly [string, TypeSpec])[],
  values: Readonly<Record<string, unknown>>,
): string {
  let xml = '';
  for (const [name, spec] of fields) {
    const value = values[name];
    if (value === undefined) {
      const { array, optional } = parseTypeSpec(spec);
      if (!optional && !array) throw new Error(`the simulator's answer lacks ${name}`);
      continue;
    }
    xml += encodeField(schema, name, spec, value);
  }
  return xml;
}

/** Writes one field: an element, or one for each entry of a sequence. */
export function encodeField(schema: Schema, name: string, spec: TypeSpec, value: unknown): string {
  const { type, array } = parseTypeSpec(spec);
  if (!array) return encodeElement(schema, name, type, value);
  return (value as readonly unknown[]).map((entry) => encodeElement(schema, name, type, entry)).join('');
}

function encodeElement(schema: Schema, name: string, type: string, value: unknown): string {
  if (type === 'any') return encodeAny(schema, name, value);
  if (type === 'ref') return encodeRef(name, value as MoRef, '');
  if (isScalar(type)) return `<${name}>${escapeXml(String(value))}</${name}>`;
  const actual = (value as { _type?: string })._type ?? type;
  return encodeObject(schema, name, actual, value, actual === type ? '' : ` xsi:type="${actual}"`);
}

/** Writes a value of any type, which says by `xsi:type` what it is. */
function encodeAny(schema: Schema, name: string, value: unknown): string {
  if (value instanceof TypedValue) return encodeTyped(schema, name, value);
  switch (typeof value) {
    case 'string':
      return encodeTyped(schema, name, new TypedValue('string', value));
    case 'boolean':
      return encodeTyped(schema, name, new TypedValue('boolean', value));
    case 'number':
      return encodeTyped(schema, name, new TypedValue('int', value));
    default: {
      const { _type } = value as { _type?: string };
      return encodeTyped(schema, name, new TypedValue(_type ?? 'ref', value));
    }
  }
}

function encodeTyped(schema: Schema, name: string, { spec, value }: TypedValue): string {
  const { type, enumeration, array } = parseTypeSpec(spec);
  if (array) {
    const element = enumeration ?? arrayElement(type);
    const arrayType = `ArrayOf${element.slice(0, 1).toUpperCase()}${element.slice(1)}`;
    return `<${name} xsi:type="${arrayType}">${encodeField(schema, element, spec, value)}</${name}>`;
  }
  if (type === 'any') return encodeAny(schema, name, value);
  if (type === 'ref') return encodeRef(name, value as MoRef, ' xsi:type="ManagedObjectReference"');
  if (isScalar(type) && type !== 'any')
    return `<${name} xsi:type="${enumeration ?? xsdNames[type]}">${escapeXml(String(value))}</${name}>`;
  const actual = (value as { _type?: string })._type ?? type;
  return encodeObject(schema, name, actual, value, ` xsi:type="${actual}"`);
}

/** What the entries of an `ArrayOfX` are called. */
function arrayElement(type: string): string {
  switch (type) {
    case 'ref':
      return 'ManagedObjectReference';
    case 'any':
      return 'anyType';
    default:
      return type;
  }
}

function encodeRef(name: string, { type, value }: MoRef, attributes: string): string {
  return `<${name}${attributes} type="${escapeXml(type)}">${escapeXml(value)}</${name}>`;
}

function encodeObject(schema: Schema, name: string, type: string, value: unknown, attributes: string): string {
  const values = value as Readonly<Record<string, unknown>>;
  // An injected fault may be of a type that is in no table: its fields go out as they stand.
  const content =
    objectType(schema, type) === undefined
      ? encodeUnknown(values)
      : encodeFields(schema, fieldsOf(schema, type), values);
  return `<${name}${attributes}>${content}</${name}>`;
}

function encodeUnknown(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .filter(([name, value]) => name !== '_type' && value !== undefined)
    .map(([name, value]) => `<${name}>${escapeXml(String(value))}</${name}>`)
    .join('');
}

/** A fault's detail element: named after its type, which it also gives as `xsi:type`. */
export function encodeFaultDetail(schema: Schema, data: { readonly _type: string }): string {
  const { _type: type } = data;
  return encodeObject(schema, `${type}Fault`, type, data, ` xmlns="${schema.namespace}" xsi:type="${type}"`);
}
