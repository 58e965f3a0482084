import { methods, methodsOf, objectTypes, type ServiceName, services, type TypeSpec } from '../../vim/schema/index.js';
import type { MethodDefinition } from '../../vim/schema/methods.js';
import type { ObjectTypeDefinition } from '../../vim/schema/object-types.js';

/** What a SOAP endpoint understands: its namespace, methods and data object types. */
export interface Schema {
  readonly namespace: string;
  readonly methods: Readonly<Record<string, MethodDefinition>>;
  readonly objectTypes: Readonly<Record<string, ObjectTypeDefinition>>;
}

function schemaOf(service: ServiceName): Schema {
  return {
    namespace: services[service].namespace,
    methods: Object.fromEntries(methodsOf(service).map((name) => [name, methods[name]])),
    objectTypes,
  };
}

const published = schemaOf('vim25');

/**
 * How clients in Python read one property of any object. Servers have always answered it, and no version of the published
 * schemas has it.
 */
const fetch: MethodDefinition = {
  on: 'ManagedObject',
  params: { prop: 'string' },
  returns: 'any?',
  idempotent: true,
};

/** The vim25 subset, and what servers answer besides. */
export const vim25: Schema = { ...published, methods: { ...published.methods, Fetch: fetch } };
/** The subset of the storage policy service. */
export const pbm = schemaOf('pbm');

/** A data object type's definition, or undefined where there is none of that name. */
export function objectType(schema: Schema, name: string): ObjectTypeDefinition | undefined {
  return Object.hasOwn(schema.objectTypes, name) ? schema.objectTypes[name] : undefined;
}

/** A type's fields with those of its bases, in schema order. */
export function fieldsOf(schema: Schema, name: string): readonly (readonly [string, TypeSpec])[] {
  const definition = objectType(schema, name);
  if (definition === undefined) return [];
  const inherited = definition.base === undefined ? [] : fieldsOf(schema, definition.base);
  return [...inherited, ...Object.entries(definition.fields)];
}

/** Whether a data object type is another one or extends it. */
export function extendsType(schema: Schema, name: string, base: string): boolean {
  for (let type: string | undefined = name; type !== undefined; type = objectType(schema, type)?.base) {
    if (type === base) return true;
  }
  return false;
}
