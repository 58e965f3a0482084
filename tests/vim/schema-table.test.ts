import { beforeAll, expect, test } from '@jest/globals';
import { typeFacts } from '../../src/vim/codec/index.js';
import {
  isEnumeration,
  methods,
  methodsOf,
  type ObjectTypeDefinition,
  objectTypes,
  parseTypeSpec,
} from '../../src/vim/schema/index.js';
import { needing } from '../support/needing.js';
import { hasXsd, readXsd, type Xsd, type XsdElement } from './support/xsd.js';

// What is sent must be whole; what is read may be a part, and from a server that is older than the schemas.
const sent = [
  ...new Set(
    methodsOf('vim25').flatMap((name) => Object.values<string>(methods[name].params).flatMap((s) => reachable(s))),
  ),
];

/** Elements that servers send and that the schemas here are too old for: 8.0's. */
const newer = ['HttpNfcLeaseDeviceUrl.sslCertificate'];

needing(hasXsd, "vSphere's schemas (../shared/wsdl) are not here").describe(
  "the schema table agrees with vSphere's schemas",
  () => {
    let xsd: Xsd;
    beforeAll(() => {
      xsd = readXsd();
    });

    // The storage policy service's schemas are not among them.
    test.each(Object.keys(objectTypes).filter((name) => !name.startsWith('Pbm')))('%s', (name) => {
      const { base, fields }: ObjectTypeDefinition = objectTypes[name as keyof typeof objectTypes];
      expect(ancestors(xsd, name)).toContain(base ?? name);
      const declared = matching(xsd, elementsOf(xsd, name, base), Object.keys(fields));
      const known = Object.entries(fields).filter(([field]) => !newer.includes(`${name}.${field}`));
      expect(known).toEqual(sent.includes(name) ? declared : lenient(declared, fields));
    });

    test.each(methodsOf('vim25'))('%s', (name) => {
      const { params, returns } = { returns: undefined, ...methods[name] };
      const request = xsd.types.get(xsd.elements.get(name) ?? '')?.elements ?? [];
      expect(request[0]?.name).toBe('_this');
      // Parameters that are left out must be such as may be.
      expect(Object.entries(params)).toEqual(
        matching(xsd, request.slice(1), [
          ...Object.keys(params),
          ...request.slice(1).flatMap((element) => (element.optional ? [] : [element.name])),
        ]),
      );
      const [returned] = xsd.types.get(xsd.elements.get(`${name}Response`) ?? '')?.elements ?? [];
      const declared = returned === undefined ? undefined : spec(xsd, returned);
      expect([declared, `${declared ?? ''}?`]).toContain(returns);
    });

    test.each(sent)('%s names every element that may not be left out', (name) => {
      const required = elementsOf(xsd, name, undefined).flatMap((element) => (element.optional ? [] : [element.name]));
      const { fields } = typeFacts(name as keyof typeof objectTypes);
      expect([...fields.keys()]).toEqual(expect.arrayContaining(required));
    });
  },
);

function ancestors(xsd: Xsd, name: string): string[] {
  const base = xsd.types.get(name)?.base;
  return [name, ...(base === undefined ? [] : ancestors(xsd, base))];
}

/** The elements of a type and of its bases up to, and without, `until`. */
function elementsOf(xsd: Xsd, name: string, until: string | undefined): XsdElement[] {
  if (name === until) return [];
  const type = xsd.types.get(name);
  if (type === undefined) throw new Error(`vSphere has no type ${name}`);
  return [...(type.base === undefined ? [] : elementsOf(xsd, type.base, until)), ...type.elements];
}

function matching(xsd: Xsd, elements: readonly XsdElement[], names: readonly string[]): [string, string][] {
  return elements.filter(({ name }) => names.includes(name)).map((element) => [element.name, spec(xsd, element)]);
}

/** The declarations, with `?` also where only the table has it. */
function lenient(declared: [string, string][], fields: Readonly<Record<string, string>>): [string, string][] {
  return declared.map(([name, type]) => [name, fields[name] === `${type}?` ? `${type}?` : type]);
}

function spec(xsd: Xsd, { type, array, optional }: XsdElement): string {
  return `${typeName(xsd, type)}${array ? '[]' : ''}${optional ? '?' : ''}`;
}

function typeName(xsd: Xsd, type: string): string {
  if (xsd.enumerations.has(type)) return isEnumeration(type) ? type : 'string';
  return { ManagedObjectReference: 'ref', anyType: 'any', anyURI: 'string' }[type] ?? type;
}

function reachable(spec: string, seen = new Set<string>()): string[] {
  const { type } = parseTypeSpec(spec);
  if (!Object.hasOwn(objectTypes, type) || seen.has(type)) return [...seen];
  seen.add(type);
  for (const [name, definition] of Object.entries<ObjectTypeDefinition>(objectTypes)) {
    if (definition.base === type) reachable(name, seen);
  }
  for (const field of typeFacts(type as keyof typeof objectTypes).fields.values()) reachable(field.type, seen);
  return [...seen];
}
