import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type MoRef, SoapVimSession, VmdkDriverError } from '../../src/vim/index.js';
import { longestTurnOfBest } from '../support/turn-probe.js';
import { streamOf } from './support/bytes.js';
import { failureOf } from './support/failure.js';
import { resultEnvelope, SoapServer } from './support/soap-server.js';

const vm: MoRef = { type: 'VirtualMachine', value: 'vm-1' };
const readVm = { specSet: [{ propSet: [{ type: 'VirtualMachine' }], objectSet: [{ obj: vm }] }], options: {} };
const megabyte = 2 ** 20;
/** CPU time of the main thread in a turn, at most, in milliseconds. */
const turnMs = 50;

let server: SoapServer;
let vim: SoapVimSession;
beforeAll(async () => {
  server = await SoapServer.start();
  vim = new SoapVimSession(server.options);
  await vim.connect();
});
afterAll(async () => {
  await vim.disconnect();
  await server[Symbol.asyncDispose]();
});

/**
 * Prepares the reading of a VM whose `propSet.val` is this; `around` may change the whole envelope. The server is in this
 * process: it sends what is prepared in pieces.
 */
function reading(val: string, around: (envelope: string) => string = (envelope) => envelope): () => Promise<unknown> {
  const objects = `<objects><obj type="VirtualMachine">vm-1</obj><propSet><name>p</name>${val}</propSet></objects>`;
  const body = Buffer.from(around(resultEnvelope('RetrievePropertiesEx', `<returnval>${objects}</returnval>`)));
  server.handlers['RetrievePropertiesEx'] = () => (response) => {
    streamOf(body, 16_384).pipe(response);
  };
  return () => vim.invoke('RetrievePropertiesEx', vm, readVm);
}

const valueIn = (result: unknown): unknown =>
  (result as { objects: { propSet: { val: unknown }[] }[] }).objects[0]!.propSet[0]!.val;

const prototype = Object.getOwnPropertyNames(Object.prototype).sort();
const expectPrototypeUntouched = (): void => {
  expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(prototype);
  for (const key in {}) throw new Error(`every object has ${key}`);
};

const attributes = (count: number): string => Array.from({ length: count }, (_, n) => `a${n}=""`).join(' ');
const nested = (levels: number): string => '<a>'.repeat(levels) + '</a>'.repeat(levels);

describe('a hostile reply is refused without harm', () => {
  test.each<[string, () => () => Promise<unknown>]>([
    ['a document type', () => reading('<val/>', (text) => text.replace('?>', '?><!DOCTYPE a [<!ENTITY x "y">]>'))],
    [
      'a document type that never ends',
      () => reading('<val/>', (text) => text.replace('?>', `?><!DOCTYPE ${'a'.repeat(megabyte)}`)),
    ],
    ['a declaration that never ends', () => reading(`<val/><!${'a'.repeat(megabyte)}`)],
    ['a million levels', () => reading(`<val>${nested(1_000_000)}</val>`)],
    [
      'a million levels of what nobody wants',
      () => reading('<val/>', (text) => text.replace('<returnval>', `${nested(1_000_000)}<returnval>`)),
    ],
    ['a comment of 20 MB', () => reading(`<val/><!-- ${'x'.repeat(20 * megabyte)} -->`)],
    ['an attribute of 20 MB', () => reading(`<val x="${'x'.repeat(20 * megabyte)}"/>`)],
    ['half a million attributes', () => reading(`<val ${attributes(500_000)}/>`)],
    ['a name of 20 MB', () => reading(`<val/><${'x'.repeat(20 * megabyte)}/>`)],
    ['an entity of 20 MB', () => reading(`<val>&${'x'.repeat(20 * megabyte)};</val>`)],
    ['a processing instruction of 20 MB', () => reading(`<val/><?x ${'x'.repeat(20 * megabyte)}?>`)],
    ['millions of elements', () => reading(`<val>${'<a/>'.repeat(3 * megabyte)}</val>`)],
    ['33 MB of text', () => reading(`<val>${'x'.repeat(33 * megabyte)}</val>`)],
    ['an attribute that sax takes for its own', () => reading('<val hasOwnProperty="x" b="y"/>')],
    ['no end tag', () => reading('<val><a></val>')],
    [
      'an unknown method',
      () => reading('<val/>', (text) => text.replaceAll('RetrievePropertiesExResponse', 'constructor')),
    ],
  ])('%s', async (_name, prepare) => {
    const read = prepare();
    const { result: error, cpuMs } = await longestTurnOfBest(turnMs, () => failureOf(read()));
    expect(error).toBeInstanceOf(VmdkDriverError);
    // Before the envelope it may be anybody's page.
    expect(['VIM_PROTOCOL', 'VIM_CONNECTION_FAILED']).toContain(error.code);
    expect(error.message.length).toBeLessThan(300);
    expect(cpuMs).toBeLessThan(turnMs);
    expectPrototypeUntouched();
  });
});

describe('an odd reply is understood without harm', () => {
  test.each<[string, () => () => Promise<unknown>, unknown]>([
    ['references that point at every object', () => reading('<val id="__proto__"><obj>x</obj></val>'), { obj: 'x' }],
    [
      'a result that is called as the prototype',
      () => reading('<val/>', (text) => text.replace('<returnval>', '<returnval id="__proto__" href="#__proto__">')),
      '',
    ],
    [
      'elements called as what every object has',
      () =>
        reading(
          '<val><__proto__><polluted>1</polluted></__proto__><constructor>c</constructor><hasOwnProperty>h</hasOwnProperty></val>',
        ),
      Object.assign(Object.create(null), { constructor: 'c', hasOwnProperty: 'h' }),
    ],
    ['types called so', () => reading('<val xsi:type="__proto__"><a>1</a></val>'), { _type: '__proto__', a: '1' }],
    ['arrays of types called so', () => reading('<val xsi:type="ArrayOf__proto__"><a>1</a></val>'), ['1']],
    ['arrays of types called otherwise so', () => reading('<val xsi:type="ArrayOfconstructor"><a>1</a></val>'), ['1']],
    [
      'text and CDATA, mixed',
      () => reading('<val xsi:type="xsd:string">a<![CDATA[<b>&]]>c<!-- d -->e</val>'),
      'a<b>&ce',
    ],
    [
      'CDATA that looks like a document',
      () => reading(`<val xsi:type="xsd:string"><![CDATA[<?xml version="1.0"?><a>]]></val>`),
      '<?xml version="1.0"?><a>',
    ],
    [
      'references to characters XML does not have',
      () => reading('<val xsi:type="xsd:string">a&#0;b&#x1F;c&#65;</val>'),
      'a&#0;b&#x1F;cA',
    ],
    ['entities nobody declared', () => reading('<val xsi:type="xsd:string">a&unheard;b</val>'), 'a&unheard;b'],
    [
      'thousands of prefixes',
      () =>
        reading(
          `<val ${Array.from({ length: 5_000 }, (_, n) => `xmlns:p${n}="urn:${n}"`).join(' ')} xsi:type="xsd:int">1</val>`,
        ),
      1,
    ],
    [
      'thousands of types',
      () =>
        reading(
          `<val xsi:type="xsd:int" ${Array.from({ length: 5_000 }, (_, n) => `p${n}:type="xsd:string"`).join(' ')}>1</val>`,
        ),
      1,
    ],
    ['100 levels', () => reading(`<val>${nested(100)}</val>`), expect.anything()],
    [
      'what follows the envelope',
      () => reading('<val xsi:type="xsd:int">1</val>', (text) => `${text}<!-- lb7 --><a></b>\0`),
      1,
    ],
    [
      'a comment and white space before it',
      () => reading('<val xsi:type="xsd:int">1</val>', (text) => text.replace(/^.*\?>/, '  \n<!-- lb7 -->\n')),
      1,
    ],
  ])('%s', async (_name, prepare, expected) => {
    const { result, cpuMs } = await longestTurnOfBest(turnMs, prepare());
    expect(valueIn(result)).toEqual(expected);
    expect(cpuMs).toBeLessThan(turnMs);
    expectPrototypeUntouched();
  });
});

describe('a long reply does not hold the main thread', () => {
  test.each<[string, string]>([
    ['text', `<val xsi:type="xsd:string">${'x'.repeat(30 * megabyte)}</val>`],
    ['text in entities', `<val xsi:type="xsd:string">${'&amp;'.repeat(1.5 * megabyte)}</val>`],
    [
      'CDATA',
      `<val xsi:type="xsd:string"><![CDATA[${']'.repeat(4 * megabyte)}<?xml ${'x'.repeat(4 * megabyte)}]]></val>`,
    ],
    [
      'references',
      `<val xsi:type="ArrayOfManagedObjectReference">${'<ManagedObjectReference type="Task">task-123456</ManagedObjectReference>'.repeat(100_000)}</val>`,
    ],
    [
      'options',
      `<val xsi:type="ArrayOfOptionValue">${'<OptionValue xsi:type="OptionValue"><key>a.key</key><value xsi:type="xsd:string">v</value></OptionValue>'.repeat(80_000)}</val>`,
    ],
    ['elements with thousands of attributes', `<val/><dynamic>${`<a ${attributes(5_000)}/>`.repeat(200)}</dynamic>`],
    ['what nobody wants', `<val/><dynamic>${'<a b="c">text</a>'.repeat(400_000)}</dynamic>`],
  ])('of %s', async (_name, val) => {
    expect(val.length).toBeGreaterThan(6 * megabyte);
    const { result, cpuMs } = await longestTurnOfBest(turnMs, reading(val));
    expect(valueIn(result)).toBeDefined();
    expect(cpuMs).toBeLessThan(turnMs);
  });
});
