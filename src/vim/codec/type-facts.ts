import { type ObjectTypeDefinition, type ObjectTypeName, objectTypes } from '../schema/object-types.js';
import { type ParsedTypeSpec, parseTypeSpec } from '../schema/type-spec.js';

/** What the codec needs to know of a data object type, with what it inherits. */
export interface TypeFacts {
  readonly name: ObjectTypeName;
  readonly abstract: boolean;
  /** Whether other types of the subset extend it. */
  readonly extended: boolean;
  /** Every element in the order of the wire: the base's first. */
  readonly fields: ReadonlyMap<string, ParsedTypeSpec>;
  /** Its own name and those of its bases. */
  readonly lineage: ReadonlySet<string>;
}

const definitions: Readonly<Record<string, ObjectTypeDefinition>> = objectTypes;
const known = new Map<string, TypeFacts>();

/** Whether the subset has a data object type of this name. */
export function isObjectType(name: string): name is ObjectTypeName {
  return Object.hasOwn(objectTypes, name);
}

/** The facts of a data object type; each type's are worked out once. */
export function typeFacts(name: ObjectTypeName): TypeFacts {
  let facts = known.get(name);
  if (facts === undefined) {
    facts = collect(name);
    known.set(name, facts);
  }
  return facts;
}

/** Whether a type is another one or extends it. */
export function isSubtype(name: ObjectTypeName, base: string): boolean {
  return typeFacts(name).lineage.has(base);
}

/** Whether a type is a fault's. Servers leave out parts of faults that their schema requires. */
export function isFault(name: ObjectTypeName): boolean {
  return isSubtype(name, 'MethodFault');
}

function collect(name: ObjectTypeName): TypeFacts {
  const definition: ObjectTypeDefinition = objectTypes[name];
  const base = definition.base === undefined ? undefined : typeFacts(definition.base as ObjectTypeName);
  return {
    name,
    abstract: definition.abstract ?? false,
    extended: Object.values(definitions).some((other) => other.base === name),
    fields: new Map([
      ...(base?.fields ?? []),
      ...Object.entries(definition.fields).map(([field, spec]) => [field, parseTypeSpec(spec)] as const),
    ]),
    lineage: new Set([name, ...(base?.lineage ?? [])]),
  };
}
