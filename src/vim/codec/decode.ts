import type { ObjectTypeName } from '../schema/object-types.js';
import { isScalar, type ParsedTypeSpec, type ScalarType } from '../schema/type-spec.js';
import type { ElementAttributes, ElementDecoder } from './element-decoder.js';
import { faultOf, localizedFaultOf } from './faults.js';
import { Misfit } from './misfit.js';
import { parseBoolean, parseInteger } from './scalars.js';
import { isFault, isObjectType, isSubtype, typeFacts } from './type-facts.js';

/**
 * How strictly a value is taken. What has a declared type must be of it, since others rely on that. A value of
 * `xsd:anyType` is whatever the server says, complete or not: `conform` judges it if somebody asked for it. So is a fault.
 */
type Strictness = 'declared' | 'any';

type Scalar = Exclude<ScalarType, 'any'>;

/**
 * What decodes an element. Arrays are arrays however many elements they have; a type the subset does not know is decoded
 * as the declared one, with its own name as `_type`.
 *
 * @param declared the name of its type
 */
export function decoderOf(declared: string, attributes: ElementAttributes, strictness: Strictness): ElementDecoder {
  if (declared === 'any') return decoderOfAny(attributes);
  if (isScalar(declared)) return new ScalarDecoder(declared as Scalar, strictness);
  if (declared === 'ref') return new RefDecoder(attributes, strictness);
  return ObjectDecoder.of(declared as ObjectTypeName, attributes.xsiType, strictness);
}

/** A value of `xsd:anyType`, by what its `xsi:type` says it is, or else by what it looks like. */
function decoderOfAny(attributes: ElementAttributes): ElementDecoder {
  const { xsiType: type } = attributes;
  if (type === undefined) return new UntypedDecoder(attributes, undefined);
  if (type === 'ManagedObjectReference') return new RefDecoder(attributes, 'any');
  if (type.startsWith('ArrayOf')) return new ArrayOfDecoder(itemTypeOf(type.slice('ArrayOf'.length)));
  if (isObjectType(type)) return ObjectDecoder.named(type);
  const scalar = xsdTypes.get(type);
  return scalar === undefined ? new UntypedDecoder(attributes, type) : new ScalarDecoder(scalar, 'any');
}

const xsdTypes: ReadonlyMap<string, Scalar> = new Map<string, Scalar>([
  ['string', 'string'],
  ['boolean', 'boolean'],
  ['byte', 'int'],
  ['short', 'int'],
  ['int', 'int'],
  ['long', 'long'],
  ['dateTime', 'dateTime'],
]);

const itemTypes: ReadonlyMap<string, string> = new Map([
  ['ManagedObjectReference', 'ref'],
  ['String', 'string'],
  ['Boolean', 'boolean'],
  ['Byte', 'int'],
  ['Short', 'int'],
  ['Int', 'int'],
  ['Long', 'long'],
]);

function itemTypeOf(name: string): string {
  return itemTypes.get(name) ?? (isObjectType(name) ? name : 'any');
}

class ScalarDecoder implements ElementDecoder {
  readonly #type: Scalar;
  readonly #strictness: Strictness;
  #text = '';

  constructor(type: Scalar, strictness: Strictness) {
    this.#type = type;
    this.#strictness = strictness;
  }

  child(): never {
    throw new Misfit('elements where text was expected');
  }

  take(): void {
    // It has no children.
  }

  text(text: string): void {
    this.#text += text;
  }

  end(): unknown {
    if (this.#strictness === 'declared') return scalarOf(this.#type, this.#text);
    try {
      const value = scalarOf(this.#type, this.#text);
      // Text still knows what a number does not hold.
      return typeof value === 'number' && !Number.isSafeInteger(Number(this.#text)) ? this.#text.trim() : value;
    } catch {
      return this.#text;
    }
  }

  pathOf(name: string): string {
    return `.${name}`;
  }
}

function scalarOf(type: Scalar, text: string): string | number | boolean {
  switch (type) {
    case 'string':
      return text;
    case 'dateTime':
      return text.trim();
    case 'boolean':
      return parseBoolean(text);
    case 'int':
    case 'long':
      return parseInteger(text);
  }
}

class RefDecoder implements ElementDecoder {
  readonly #type: string | undefined;
  readonly #strictness: Strictness;
  #text = '';

  constructor({ type }: ElementAttributes, strictness: Strictness) {
    this.#type = type;
    this.#strictness = strictness;
  }

  child(): never {
    throw new Misfit('is no managed object reference');
  }

  take(): void {
    // It has no children.
  }

  text(text: string): void {
    this.#text += text;
  }

  end(): unknown {
    const value = this.#text.trim();
    if (this.#type !== undefined && value !== '') return { type: this.#type, value };
    if (this.#strictness === 'any') return this.#text;
    throw new Misfit('is no managed object reference');
  }

  pathOf(name: string): string {
    return `.${name}`;
  }
}

/** Fields by their declaration; others are passed over. */
export class FieldsDecoder implements ElementDecoder {
  readonly #fields: ReadonlyMap<string, ParsedTypeSpec>;
  readonly #strictness: Strictness;
  readonly #values = new Map<string, unknown>();

  constructor(fields: ReadonlyMap<string, ParsedTypeSpec>, strictness: Strictness) {
    this.#fields = fields;
    this.#strictness = strictness;
  }

  child(name: string, attributes: ElementAttributes): ElementDecoder | undefined {
    const field = this.#fields.get(name);
    if (field === undefined) return undefined;
    if (this.#strictness === 'declared' && !field.array && this.#values.has(name)) {
      throw new Misfit('several elements where one was expected');
    }
    return decoderOf(field.type, attributes, this.#strictness);
  }

  take(name: string, value: unknown): void {
    const before = this.#values.get(name);
    if (this.#fields.get(name)?.array === true) {
      if (Array.isArray(before)) before.push(value);
      else this.#values.set(name, [value]);
    } else {
      // Several of what there should be one of is not that one, whatever they are.
      this.#values.set(name, this.#values.has(name) ? [before, value] : value);
    }
  }

  text(): void {
    // White space between the elements.
  }

  end(): Record<string, unknown> {
    const decoded: Record<string, unknown> = {};
    for (const [name, { array, optional }] of this.#fields) {
      const value = this.#values.get(name);
      if (value !== undefined) decoded[name] = value;
      else if (optional || this.#strictness === 'any') continue;
      // An empty sequence leaves no element behind; some servers send one where the schema asks for more.
      else if (array) decoded[name] = [];
      else throw new Misfit('missing').within(`.${name}`);
    }
    return decoded;
  }

  pathOf(name: string): string {
    const before = this.#values.get(name);
    const index = Array.isArray(before) ? before.length : 0;
    return this.#fields.get(name)?.array === true ? `.${name}[${index}]` : `.${name}`;
  }
}

/** A data object. */
class ObjectDecoder implements ElementDecoder {
  readonly #own: ObjectTypeName;
  readonly #actual: string;
  readonly #isTagged: boolean;
  readonly #fields: FieldsDecoder;

  private constructor(own: ObjectTypeName, actual: string, isTagged: boolean, strictness: Strictness) {
    this.#own = own;
    this.#actual = actual;
    this.#isTagged = isTagged;
    this.#fields = new FieldsDecoder(typeFacts(own).fields, strictness);
  }

  static of(declared: ObjectTypeName, xsiType: string | undefined, strictness: Strictness): ObjectDecoder {
    const actual = xsiType ?? declared;
    const own = isObjectType(actual) ? actual : declared;
    const { abstract, extended } = typeFacts(own);
    if (strictness === 'declared') {
      if (!isSubtype(own, declared)) throw new Misfit(`is no ${declared}`);
      if (abstract && actual === own) throw new Misfit(`does not say which ${actual} it is`);
    }
    const isLenient = isFault(own) || own === 'LocalizedMethodFault';
    return new ObjectDecoder(own, actual, extended || actual !== declared, isLenient ? 'any' : strictness);
  }

  /** One whose type only its `xsi:type` tells: the value says it, too. */
  static named(type: ObjectTypeName): ObjectDecoder {
    return new ObjectDecoder(type, type, true, 'any');
  }

  child(name: string, attributes: ElementAttributes): ElementDecoder | undefined {
    return this.#fields.child(name, attributes);
  }

  take(name: string, value: unknown): void {
    this.#fields.take(name, value);
  }

  text(): void {
    this.#fields.text();
  }

  end(): unknown {
    const decoded = this.#fields.end();
    if (isFault(this.#own)) return faultOf({ ...decoded, _type: this.#actual });
    if (this.#own === 'LocalizedMethodFault') return localizedFaultOf(decoded);
    return this.#isTagged ? { _type: this.#actual, ...decoded } : decoded;
  }

  pathOf(name: string): string {
    return this.#fields.pathOf(name);
  }
}

class ArrayOfDecoder implements ElementDecoder {
  readonly #itemType: string;
  readonly #items: unknown[] = [];

  constructor(itemType: string) {
    this.#itemType = itemType;
  }

  child(_name: string, attributes: ElementAttributes): ElementDecoder {
    return decoderOf(this.#itemType, attributes, 'any');
  }

  take(_name: string, value: unknown): void {
    this.#items.push(value);
  }

  text(): void {
    // White space between the items.
  }

  end(): unknown {
    return this.#items;
  }

  pathOf(): string {
    return `[${this.#items.length}]`;
  }
}

/** What does not say what it is, or is of a type that the subset does not know: text, a reference, or elements. */
class UntypedDecoder implements ElementDecoder {
  readonly #attributes: ElementAttributes;
  readonly #type: string | undefined;
  readonly #values = new Map<string, unknown>();
  readonly #repeated = new Set<string>();
  #text = '';

  constructor(attributes: ElementAttributes, type: string | undefined) {
    this.#attributes = attributes;
    this.#type = type;
  }

  child(name: string, attributes: ElementAttributes): ElementDecoder | undefined {
    // No type has such an element, and no object should have such a property.
    return name === '__proto__' ? undefined : decoderOfAny(attributes);
  }

  take(name: string, value: unknown): void {
    const before = this.#values.get(name);
    if (this.#repeated.has(name)) (before as unknown[]).push(value);
    else if (this.#values.has(name)) {
      this.#values.set(name, [before, value]);
      this.#repeated.add(name);
    } else this.#values.set(name, value);
  }

  text(text: string): void {
    this.#text += text;
  }

  end(): unknown {
    if (this.#values.size > 0) {
      const decoded = Object.fromEntries(this.#values);
      // A data object that the subset does not know keeps its name.
      return this.#type === undefined ? decoded : { _type: this.#type, ...decoded };
    }
    const { type } = this.#attributes;
    const value = this.#text.trim();
    // An enumeration is text.
    return type === undefined || value === '' ? this.#text : { type, value };
  }

  /** The names are the server's: nothing of what it wrote belongs into a message. */
  pathOf(): string {
    return '.*';
  }
}
