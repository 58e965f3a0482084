import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import sax from 'sax';

/** Where vSphere's schemas are on machines that have them; they are VMware's and no part of this project. */
export const xsdDirectory = path.resolve('../shared/wsdl');
export const hasXsd = existsSync(path.join(xsdDirectory, 'vim-elements.xsd'));

export interface XsdElement {
  readonly name: string;
  /** Without prefix. */
  readonly type: string;
  readonly optional: boolean;
  readonly array: boolean;
}

export interface XsdType {
  readonly base: string | undefined;
  readonly elements: XsdElement[];
}

/** The complex types, simple types and top-level elements of vSphere's schemas. */
export interface Xsd {
  readonly types: ReadonlyMap<string, XsdType>;
  readonly enumerations: ReadonlySet<string>;
  /** The type of a top-level element; that of an anonymous one is found under `#` and its name. */
  readonly elements: ReadonlyMap<string, string>;
}

export function readXsd(): Xsd {
  const types = new Map<string, { base: string | undefined; elements: XsdElement[] }>();
  const enumerations = new Set<string>();
  const elements = new Map<string, string>();
  for (const file of [
    'core-types',
    'query-types',
    'query-messagetypes',
    'vim-types',
    'vim-messagetypes',
    'vim-elements',
  ]) {
    const parser = sax.parser(true, {});
    let type: { base: string | undefined; elements: XsdElement[] } | undefined;
    let topElement: string | undefined;
    parser.onopentag = ({ name, attributes }) => {
      const { name: named = '', type: typed = '', base, minOccurs, maxOccurs } = attributes as Record<string, string>;
      if (name === 'simpleType' && named !== '') enumerations.add(named);
      else if (name === 'complexType') {
        type = { base: undefined, elements: [] };
        types.set(named === '' ? `#${topElement ?? ''}` : named, type);
      } else if (name === 'extension' && type !== undefined) {
        type.base = local(base ?? '');
      } else if (name === 'element' && type !== undefined) {
        type.elements.push({
          name: named,
          type: local(typed),
          optional: minOccurs === '0',
          array: maxOccurs === 'unbounded',
        });
      } else if (name === 'element') {
        topElement = named;
        elements.set(named, typed === '' ? `#${named}` : local(typed));
      }
    };
    parser.onclosetag = (name) => {
      if (name === 'complexType') type = undefined;
    };
    parser.write(readFileSync(path.join(xsdDirectory, `${file}.xsd`), 'utf8')).close();
  }
  return { types, enumerations, elements };
}

function local(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}
