import { type EnumerationName, isEnumeration } from './enumerations.js';

/**
 * How a field, parameter or result of the vim25 subset is declared: the name of a type, then `[]` for a sequence
 * (`maxOccurs="unbounded"`), then `?` where it may be absent (`minOccurs="0"`).
 *
 * Scalars are `string`, `boolean`, `int`, `long`, `dateTime` and `any` (`xsd:anyType`, told by its `xsi:type`); `ref` is a
 * `ManagedObjectReference`; the names of {@link enumerations} are text; every other name is a data object type of
 * {@link objectTypes}.
 */
export type TypeSpec = `${string}[]?` | `${string}[]` | `${string}?` | (string & {});

/** The scalar types, by their vim25 name without prefix. */
export const scalarTypes = ['string', 'boolean', 'int', 'long', 'dateTime', 'any'] as const;
/** The name of a scalar type. */
export type ScalarType = (typeof scalarTypes)[number];

/** A {@link TypeSpec}, taken apart. */
export interface ParsedTypeSpec {
  /** An enumeration is a `string`. */
  readonly type: string;
  readonly enumeration: EnumerationName | undefined;
  readonly array: boolean;
  readonly optional: boolean;
}

const parsed = new Map<string, ParsedTypeSpec>();

/** Takes a {@link TypeSpec} apart; each distinct one is parsed once. */
export function parseTypeSpec(spec: string): ParsedTypeSpec {
  let result = parsed.get(spec);
  if (result === undefined) {
    const optional = spec.endsWith('?');
    const bare = optional ? spec.slice(0, -1) : spec;
    const array = bare.endsWith('[]');
    const name = array ? bare.slice(0, -2) : bare;
    const enumeration = isEnumeration(name) ? name : undefined;
    result = { type: enumeration === undefined ? name : 'string', enumeration, array, optional };
    parsed.set(spec, result);
  }
  return result;
}

/** Whether a type's values are plain text in the reply rather than elements of their own. */
export function isScalar(type: string): type is ScalarType {
  return (scalarTypes as readonly string[]).includes(type);
}
