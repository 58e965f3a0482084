import { describe, expect, test } from '@jest/globals';
import sax from 'sax';
import { type MethodName, methods, type ObjectTypeDefinition, objectTypes } from '../../src/vim/schema/index.js';
import type { Reply } from '../../src/vim/soap/envelope-decoder.js';
import { ReplyReader } from '../../src/vim/soap/reply-reader.js';
import { recordedReplies } from '../support/recorded-replies.js';

/** An element, as this test's own walk over the document finds it. */
interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

function walk(document: string): Element {
  const top: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [top];
  const parser = sax.parser(true, { xmlns: false });
  parser.onopentag = ({ name, attributes }) => {
    const element = { name: local(name), attributes: attributes as Record<string, string>, children: [], text: '' };
    open.at(-1)!.children.push(element);
    open.push(element);
  };
  parser.onclosetag = () => void open.pop();
  parser.ontext = parser.oncdata = (text) => void (open.at(-1)!.text += text);
  parser.write(document.trim()).close();
  return top.children[0]!;
}

const local = (name: string): string => name.slice(name.indexOf(':') + 1);
const typeOf = ({ attributes }: Element): string | undefined =>
  attributes['xsi:type'] === undefined ? undefined : local(attributes['xsi:type']);

/** The names of a type's elements, with those it inherits. */
function fieldsOf(type: string): Set<string> | undefined {
  const definition = (objectTypes as Record<string, ObjectTypeDefinition>)[type];
  if (definition === undefined) return undefined;
  return new Set([...Object.keys(definition.fields), ...(definition.base ? (fieldsOf(definition.base) ?? []) : [])]);
}

/** Cheaper than `expect`, of which a million calls take minutes. */
function agree(at: string, actual: unknown, expected: unknown): void {
  if (!Object.is(actual, expected)) throw new Error(`${at}: ${String(actual)} where there is ${String(expected)}`);
}

/** Holds a decoded value against the elements it was decoded from, and these against it. */
function compare(value: unknown, elements: readonly Element[], at: string): void {
  if (Array.isArray(value)) {
    const [only] = elements;
    const items = elements.length === 1 && typeOf(only!)?.startsWith('ArrayOf') === true ? only!.children : elements;
    agree(`${at}.length`, value.length, items.length);
    value.forEach((item, index) => {
      compare(item, [items[index]!], `${at}[${index}]`);
    });
    return;
  }
  agree(`${at}: elements`, elements.length, 1);
  const [element] = elements as [Element];
  if (typeof value !== 'object' || value === null) {
    agree(at, typeof value === 'string' ? value.trim() : String(value), element.text.trim());
    agree(`${at}: elements within`, element.children.length, 0);
    return;
  }
  const { _type, ...fields } = value as Record<string, unknown>;
  const reference = element.attributes['type'];
  if (reference !== undefined && element.children.length === 0) {
    agree(`${at}.type`, fields['type'], reference);
    agree(`${at}.value`, fields['value'], element.text.trim());
    return;
  }
  if (_type !== undefined && typeOf(element) !== undefined) agree(`${at}._type`, _type, typeOf(element));
  for (const [name, field] of Object.entries(fields)) {
    compare(
      field,
      element.children.filter((child) => child.name === name),
      `${at}.${name}`,
    );
  }
  // What is there is in the value, unless its type, known to the table, does not have it.
  const known = typeOf(element) === undefined ? undefined : fieldsOf(typeOf(element)!);
  for (const { name } of element.children) {
    if (known?.has(name) === true) agree(`${at}.${name}: is there`, Object.hasOwn(fields, name), true);
  }
}

function read(method: MethodName, document: string): Reply {
  const reader = new ReplyReader(method);
  for (let at = 0; at < document.length; at += 1_000) reader.write(document.slice(at, at + 1_000));
  reader.end();
  return reader.reply!;
}

const replies = recordedReplies().filter(({ method }) => Object.hasOwn(methods, method));
const described = replies.length > 0 ? describe : describe.skip;

described('every recorded reply decodes to what is in it', () => {
  test('and the comparison would notice what is not', () => {
    const element = walk('<a><b type="Folder">f</b><c>1</c></a>');
    compare({ b: { type: 'Folder', value: 'f' }, c: 1 }, [element], 'a');
    for (const value of [{ b: { type: 'Folder', value: 'g' } }, { c: 2 }, { c: [1, 1] }, { d: 1 }, 'f', [1, 2]]) {
      expect(() => {
        compare(value, [element], 'a');
      }).toThrow();
    }
  });

  test.each([...new Set(replies.map(({ method }) => method))])('of %s', (method) => {
    for (const { file, body } of replies.filter((reply) => reply.method === method)) {
      const document = body.toString('utf8');
      const [content] = walk(document).children.find(({ name }) => name === 'Body')!.children;
      const reply = read(method as MethodName, document);
      if (content!.name === 'Fault') {
        expect([file, reply.kind]).toEqual([file, 'fault']);
        if (reply.kind !== 'fault') continue;
        const detail = content!.children.find(({ name }) => name === 'detail')?.children[0];
        const text = content!.children.find(({ name }) => name === 'faultstring')?.text;
        expect([file, reply.message]).toEqual([file, text]);
        expect([file, reply.name]).toEqual([file, typeOf(detail!) ?? detail!.name.replace(/Fault$/, '')]);
        compare({ ...reply.detail, _type: reply.name }, [detail!], file);
      } else {
        expect([file, reply.kind]).toEqual([file, 'result']);
        if (reply.kind !== 'result') continue;
        const returned = content!.children.filter(({ name }) => name === 'returnval');
        if (reply.value === undefined) expect([file, returned]).toEqual([file, []]);
        else compare(reply.value, returned, file);
      }
    }
  });
});
