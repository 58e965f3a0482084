import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { NoEnvelopeError } from '../../src/vim/http/reply-sink.js';
import { readReplyText } from '../../src/vim/http/reply-text.js';
import { SoapVimSession, VmdkDriverError } from '../../src/vim/index.js';
import { mainThread } from '../../src/vim/main-thread.js';
import { answerOf } from '../../src/vim/object-content.js';
import { type ManagedType, type MethodName, methods, objectTypes, properties } from '../../src/vim/schema/index.js';
import { ReplyReader } from '../../src/vim/soap/reply-reader.js';
import { recordedReplies } from '../support/recorded-replies.js';
import { longestTurnOfBest } from '../support/turn-probe.js';
import { resultEnvelope, serviceContent, SoapServer } from '../vim/support/soap-server.js';

/** How many replies are tried; a long run has more. The seed of each follows from its number. */
const count = Number(process.env['VMDK_DRIVER_FUZZ_REPLIES'] ?? 2000);
/** The number of the first, to try one again. */
const first = Number(process.env['VMDK_DRIVER_FUZZ_FROM'] ?? 0);
const longestSeed = 40_000;

interface Reply {
  readonly method: MethodName;
  readonly text: string;
}

/** Replies to begin with where none are recorded. */
const ownReplies: Reply[] = [
  { method: 'RetrieveServiceContent', text: resultEnvelope('RetrieveServiceContent', serviceContent) },
  {
    method: 'RetrievePropertiesEx',
    text: resultEnvelope(
      'RetrievePropertiesEx',
      '<returnval><token>1</token><objects><obj type="VirtualMachine">vm-1</obj><propSet><name>config.hardware.device</name>' +
        '<val xsi:type="ArrayOfVirtualDevice"><VirtualDevice xsi:type="VirtualDisk"><key>2000</key><backing ' +
        'xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>[ds] a/a.vmdk</fileName><diskMode>persistent</diskMode></backing>' +
        '<controllerKey>1000</controllerKey><unitNumber>0</unitNumber><capacityInKB>1048576</capacityInKB></VirtualDevice></val>' +
        '</propSet><missingSet><path>name</path><fault><fault xsi:type="NoPermission"><privilegeId>System.Read</privilegeId>' +
        '</fault><localizedMessage>no</localizedMessage></fault></missingSet></objects></returnval>',
    ),
  },
];

/** Numbers that follow from a seed (mulberry32). */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}

const names = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  'prototype',
  'obj',
  'val',
  'fault',
  '_type',
  'a',
];
const types = [
  ...Object.keys(objectTypes),
  'ArrayOf__proto__',
  '__proto__',
  'ArrayOfVirtualDevice',
  'xsd:int',
  'xsd:long',
];
const values = [
  '9223372036854775807',
  '-1',
  '1e309',
  'NaN',
  '',
  'true',
  '\u0000',
  '&#0;',
  '&a;',
  ']]>',
  '\ud800',
  '💾',
];
const pieces = [
  '<![CDATA[<?xml ',
  ']]>',
  '<!--',
  '-->',
  '<!DOCTYPE a [',
  '<?x ?>',
  '<a>',
  '</a>',
  '<a/>',
  '&#x0;',
  '<',
  '>',
  '"',
];

/** The ways in which a reply is changed. */
const changes: ((text: string, random: Random) => string)[] = [
  (text, random) => text.slice(0, random.below(text.length)),
  (text, random) => splice(text, random, random.below(40), ''),
  (text, random) => splice(text, random, 0, random.of(pieces)),
  (text, random) => splice(text, random, 0, random.of(pieces).repeat(random.below(5_000))),
  (text, random) => splice(text, random, 0, '<a>'.repeat(random.below(1_000))),
  (text, random) => splice(text, random, 1, String.fromCharCode(random.below(0x10000))),
  (text, random) => splice(text, random, 0, slice(text, random)),
  (text, random) => splice(text, random, 0, slice(text, random).repeat(random.below(200))),
  (text, random) => replaceOne(text, random, />[^<]+</g, () => `>${random.of(values)}<`),
  (text, random) => replaceOne(text, random, /xsi:type="[^"]*"/g, () => `xsi:type="${random.of(types)}"`),
  (text, random) => replaceOne(text, random, / xsi:type="[^"]*"/g, () => ''),
  (text, random) =>
    replaceOne(text, random, / type="[^"]*"/g, () => ` ${random.of(['id', 'href', 'type'])}="#__proto__"`),
  (text, random) =>
    replaceOne(text, random, /<\w+/g, (tag) => `${tag} ${random.of(names)}="${random.of(values)}" id="__proto__"`),
  (text, random) => {
    const found = [...text.matchAll(/(?<=<)[a-z]\w*/gi)].map(([tag]) => tag);
    const name = found.length === 0 ? 'val' : random.of(found);
    return text.replaceAll(new RegExp(`(?<=</?)${name}\\b`, 'g'), random.of(names));
  },
  (text, random) => replaceOne(text, random, /<(\w+)(?: [^>]*)?>[^<]*<\/\1>/g, () => ''),
  (text, random) =>
    replaceOne(text, random, /<(\w+)(?: [^>]*)?>[^<]*<\/\1>/g, (element) => element.repeat(2 + random.below(300))),
];

function splice(text: string, random: Random, removed: number, added: string): string {
  const at = random.below(text.length);
  return text.slice(0, at) + added + text.slice(at + removed);
}

function slice(text: string, random: Random): string {
  const at = random.below(text.length);
  return text.slice(at, at + random.below(500));
}

function replaceOne(text: string, random: Random, pattern: RegExp, by: (found: string) => string): string {
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return text;
  const { index, 0: match } = random.of(found);
  return text.slice(0, index) + by(match) + text.slice(index + match.length);
}

interface MutatedReply {
  readonly method: MethodName;
  readonly body: Buffer;
  readonly headers: { readonly contentType: string | null; readonly contentEncoding: string | null };
}

function mutated({ method, text }: Reply, random: Random): MutatedReply {
  let changed = text;
  for (let times = 1 + random.below(4); times > 0 && changed !== ''; times--)
    changed = random.of(changes)(changed, random);
  const inUtf16 = random.below(20) === 0;
  let body = inUtf16 ? Buffer.from(`\ufeff${changed}`, 'utf16le') : Buffer.from(changed);
  const contentType = random.of(['text/xml; charset=utf-8', 'text/xml; charset=utf-16', 'text/html', null]);
  const coding = random.of([null, null, null, '', 'Identity', 'gzip', 'deflate', 'br', 'gzip, gzip', 'zstd']);
  if (coding === 'gzip') body = gzipSync(body, { level: 1 });
  if (coding === 'deflate') body = deflateSync(body, { level: 1 });
  if (random.below(10) === 0 && body.length > 0) body[random.below(body.length)]! ^= 1 << random.below(8);
  return { method, body, headers: { contentType, contentEncoding: coding } };
}

/** As the session reads it, and then as whoever asked for properties. */
async function read({ method, body, headers }: MutatedReply): Promise<unknown> {
  const reader = new ReplyReader(method);
  const chunks = async function* () {
    for (let at = 0; at < body.length; at += 16_384) yield body.subarray(at, at + 16_384);
  };
  await readReplyText(chunks(), headers, async (text) => {
    for (let at = 0; at < text.length; at += 1_024) {
      await mainThread.run(() => {
        reader.write(text.slice(at, at + 1_024));
      });
    }
  });
  reader.end();
  const { reply } = reader;
  if (reply?.kind !== 'result' || method !== 'RetrievePropertiesEx') return reply;
  for (const content of (reply.value as { objects: Parameters<typeof answerOf>[2][] } | undefined)?.objects ?? []) {
    const type = content.obj.type as ManagedType;
    if (Object.hasOwn(properties, type)) await answerOf(type, Object.keys(properties[type]) as never[], content);
  }
  return reply;
}

const untouched = Object.getOwnPropertyNames(Object.prototype).sort().join();
function expectPrototypeUntouched(): void {
  if (Object.getOwnPropertyNames(Object.prototype).sort().join() !== untouched)
    throw new Error('Object.prototype was changed');
}

describe('replies with something wrong', () => {
  const recorded = recordedReplies()
    .filter(({ method, body }) => Object.hasOwn(methods, method) && body.length < longestSeed)
    .map(({ method, body }): Reply => ({ method: method as MethodName, text: body.toString('utf8') }));
  const seeds = [...ownReplies, ...recorded];
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
  let server: SoapServer;
  let vim: SoapVimSession;
  beforeAll(async () => {
    process.on('unhandledRejection', onUnhandled);
    server = await SoapServer.start();
    vim = new SoapVimSession(server.options);
    await vim.connect();
  });
  afterAll(async () => {
    process.off('unhandledRejection', onUnhandled);
    await vim.disconnect();
    await server[Symbol.asyncDispose]();
  });

  test('are read or refused, and do no harm', async () => {
    let refused = 0;
    // What is only compiled on the way, and what a reply costs that nothing is wrong with, is measured with none of them.
    for (const { method, text } of seeds) {
      await read({ method, body: Buffer.from(text), headers: { contentType: null, contentEncoding: null } });
    }
    for (let number = first; number < first + count; number++) {
      const random = new Random(number);
      const reply = mutated(random.of(seeds), random);
      const { result: error, cpuMs } = await longestTurnOfBest(50, () =>
        read(reply).then(
          () => undefined,
          (thrown: unknown) => thrown,
        ),
      );
      const name = `reply ${number} (VMDK_DRIVER_FUZZ_FROM=${number} VMDK_DRIVER_FUZZ_REPLIES=1)`;
      if (error !== undefined) refused++;
      if (error !== undefined && !(error instanceof VmdkDriverError || error instanceof NoEnvelopeError)) {
        throw new Error(`${name} ends in an error of no type`, { cause: error });
      }
      if (cpuMs >= 50) throw new Error(`${name} takes ${cpuMs} ms of one turn`);
      expectPrototypeUntouched();
    }
    // Neither of the two is the rule.
    if (count > 100) expect(refused).toBeGreaterThan(count / 20);
    if (count > 100) expect(refused).toBeLessThan(count);
    expect(unhandled).toEqual([]);
  });

  test('over the wire, too', async () => {
    const target = { type: 'PropertyCollector', value: 'propertyCollector' };
    const pages = seeds
      .filter(({ method }) => method === 'RetrievePropertiesEx')
      .map(({ text }) => text.replaceAll('RetrievePropertiesExResponse', 'ContinueRetrievePropertiesExResponse'));
    for (let number = first; number < first + count / 10; number++) {
      const random = new Random(number);
      const { body, headers } = mutated({ method: 'ContinueRetrievePropertiesEx', text: random.of(pages) }, random);
      server.handlers['ContinueRetrievePropertiesEx'] = () => (response) => {
        if (headers.contentType !== null) response.setHeader('Content-Type', headers.contentType);
        if (headers.contentEncoding !== null) response.setHeader('Content-Encoding', headers.contentEncoding);
        response.statusCode = random.of([200, 200, 500]);
        response.end(body);
      };
      const error: unknown = await vim.invoke('ContinueRetrievePropertiesEx', target, { token: '1' }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (error !== undefined && !(error instanceof VmdkDriverError)) {
        throw new Error(`reply ${number} ends in an error of no type`, { cause: error });
      }
      expectPrototypeUntouched();
    }
    expect(unhandled).toEqual([]);
    expect(await vim.invoke('CurrentTime', { type: 'ServiceInstance', value: 'ServiceInstance' }, {})).toBeDefined();
  });
});
