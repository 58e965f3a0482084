import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ObjectStore, S3ObjectStore, type SwiftAuth, SwiftObjectStore } from '../../../src/stores/index.js';
import { type Answer, HttpDouble, status } from '../support/http-double.js';

const secret = `qqq&xxx"vvv<www>  kkk'jjj`;
const token = 'ttt&uuu"zzz';
/** What a part of it would be seen by. */
const parts = /qqq|xxx|vvv|www|kkk|jjj|ttt|uuu|zzz/;
const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const spellings: readonly (readonly [how: string, spell: (text: string) => string])[] = [
  ['as it is', (text) => text],
  ['in XML', (text) => escaped(text).replaceAll("'", '&apos;')],
  ['in HTML', (text) => escaped(text).replaceAll("'", '&#x27;')],
  ['in HTML by numbers', (text) => escaped(text).replaceAll('&quot;', '&#34;').replaceAll("'", '&#39;')],
  ['in JSON', (text) => JSON.stringify(text)],
  ['in a URL', (text) => encodeURIComponent(text)],
  ['in base64', (text) => Buffer.from(text).toString('base64')],
  ['after an equals sign', (text) => `password=${text}`],
  ['where the text is cut', (text) => `${'. '.repeat(138)}${JSON.stringify(text)}`],
];

let server: HttpDouble;

beforeEach(async () => {
  server = await HttpDouble.start(status(200));
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const s3 = () =>
  new S3ObjectStore({
    endpoint: server.url,
    region: 'eu-central-1',
    bucket: 'bucket',
    credentials: { accessKeyId: 'key', secretAccessKey: secret, sessionToken: token },
    retryDelaysMs: [],
  });
const swift = (auth: SwiftAuth) => new SwiftObjectStore({ auth, container: 'container', retryDelaysMs: [] });
const keystone = (): SwiftAuth => ({
  kind: 'keystone',
  url: server.url,
  username: 'me',
  password: secret,
  project: 'mine',
});
const credential = (): SwiftAuth => ({ kind: 'applicationCredential', url: server.url, id: 'id', secret });
const tempauth = (): SwiftAuth => ({ kind: 'tempauth', url: server.url, user: 'a:b', key: encodeURIComponent(secret) });
const own = (): SwiftAuth => ({
  kind: 'token',
  get: async () => ({ token, storageUrl: `${server.url}/v1/AUTH_x` }),
});

const refusal = (spell: (text: string) => string): string =>
  `<Error><Code>AccessDenied</Code><Message>${escaped(`${spell(secret)} ${spell(token)}`)}</Message></Error>`;
const page = (spell: (text: string) => string): Answer => status(403, `<html><b>You sent</b> ${spell(secret)}</html>`);

/** Everything that the first error of a store says. */
async function saidBy(store: ObjectStore): Promise<string> {
  const error: unknown = await store.put('key', Buffer.from('x')).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'STORE_FAILED', status: 403 });
  return JSON.stringify(error) + String(error) + String((error as Error).stack);
}

describe.each(spellings)('a secret that a server echoes %s is in no error', (_, spell) => {
  const encoded = [secret, token].map((text) => Buffer.from(text).toString('base64').replaceAll('=', ''));
  const isSaidIn = (said: string) => parts.test(said) || encoded.some((text) => said.includes(text));

  it('of S3', async () => {
    server.answers(status(403, refusal(spell)));
    expect(isSaidIn(await saidBy(s3()))).toBe(false);
  });

  it('of one key of a deletion of S3', async () => {
    const error = refusal(spell).replace('<Code>', '<Key>key</Key><Code>');
    server.answers((response, { url }) => {
      response.end(url.includes('versioning') ? '<V/>' : `<DeleteResult>${error}</DeleteResult>`);
    });
    const { failed } = await s3().delete(['key']);
    expect(failed).toMatchObject([{ error: { reason: 'denied' } }]);
    expect(isSaidIn(JSON.stringify(failed))).toBe(false);
  });

  it.each([
    ['Keystone', keystone],
    ['an application credential', credential],
  ])('of a login by %s', async (_way, auth) => {
    server.answers(page(spell));
    expect(isSaidIn(await saidBy(swift(auth())))).toBe(false);
  });

  it('of Swift', async () => {
    server.answers(status(403, `You sent ${spell(token)}`));
    expect(isSaidIn(await saidBy(swift(own())))).toBe(false);
  });
});

it('a key that a server of v1 echoes is in no error', async () => {
  const auth = tempauth();
  server.answers((response, { headers }) => void response.writeHead(403).end(`${String(headers['x-auth-key'])} no`));
  expect(await saidBy(swift(auth))).not.toMatch(parts);
});
