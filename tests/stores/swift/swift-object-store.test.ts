import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type SwiftAuth, SwiftObjectStore, type SwiftObjectStoreOptions } from '../../../src/stores/index.js';
import { PassingTime } from '../../support/passing-time.js';
import { badPrefixes } from '../support/bad-prefixes.js';
import { type Answer, inTurn, status } from '../support/http-double.js';
import { SwiftDouble } from './swift-double.js';

let swift: SwiftDouble;

beforeEach(async () => {
  swift = await SwiftDouble.start();
});

afterEach(async () => {
  await swift[Symbol.asyncDispose]();
});

const password = 'the-password';
const tempauth = (): SwiftAuth => ({
  kind: 'tempauth',
  url: `${swift.server.url}/auth/v1.0`,
  user: 'a:b',
  key: password,
});
const keystone = (options: object = {}): SwiftAuth => ({
  kind: 'keystone',
  url: `${swift.server.url}/v3`,
  username: 'me',
  password,
  project: 'mine',
  ...options,
});
const storeWith = (options: Partial<SwiftObjectStoreOptions> = {}) =>
  new SwiftObjectStore({ auth: tempauth(), container: 'container', retryDelaysMs: [1, 1], ...options });

describe('a login', () => {
  it('at Keystone by password names user, project and their domains', async () => {
    await storeWith({ auth: keystone({ userDomain: 'users', projectDomain: 'projects' }) }).put(
      'key',
      Buffer.from('x'),
    );
    expect(swift.loginBodies).toEqual([
      {
        auth: {
          identity: {
            methods: ['password'],
            password: { user: { name: 'me', password, domain: { name: 'users' } } },
          },
          scope: { project: { name: 'mine', domain: { name: 'projects' } } },
        },
      },
    ]);
    expect(swift.asked).toEqual(['PUT /v1/AUTH_x/container/key']);
  });

  it('at Keystone by application credential has no scope', async () => {
    const auth: SwiftAuth = { kind: 'applicationCredential', url: swift.server.url, id: 'id', secret: 'secret' };
    await storeWith({ auth }).put('key', Buffer.from('x'));
    expect(swift.loginBodies).toEqual([
      {
        auth: {
          identity: { methods: ['application_credential'], application_credential: { id: 'id', secret: 'secret' } },
        },
      },
    ]);
  });

  it('takes the endpoint of the region and the interface that are asked for', async () => {
    swift.catalog = (url) => [
      {
        type: 'object-store',
        endpoints: [
          { interface: 'public', region: 'one', url: 'http://127.0.0.1:1/' },
          { interface: 'internal', region: 'two', url: `${url}/v1/AUTH_x` },
          { interface: 'public', region: 'two', url: 'http://127.0.0.1:1/' },
        ],
      },
    ];
    await storeWith({ auth: keystone({ region: 'two', interface: 'internal' }) }).put('key', Buffer.from('x'));
    expect(swift.asked).toEqual(['PUT /v1/AUTH_x/container/key']);
    await expect(storeWith({ auth: keystone() }).stat('key')).rejects.toThrow(
      'several regions, and auth.region does not say which: one, two',
    );
    await expect(storeWith({ auth: keystone({ region: 'three' }) }).stat('key')).rejects.toThrow(
      'no object-store with the interface public in the region three; there are: one, two',
    );
  });

  it('is one for all that wait for it', async () => {
    const store = storeWith();
    await Promise.all([1, 2, 3, 4].map((n) => store.put(`key-${n}`, Buffer.from('x'))));
    expect(swift.logins).toBe(1);
  });

  it('is made anew when the token is refused, once for all, and their bodies are sent again', async () => {
    const store = storeWith();
    await store.put('key', Buffer.from('x'));
    swift.tokens.clear();
    const bytes = randomBytes(3 * 1024 * 1024);
    await Promise.all([1, 2, 3, 4].map((n) => store.put(`key-${n}`, bytes)));
    expect(swift.logins).toBe(2);
    expect(swift.objects.get('key-4')?.equals(bytes)).toBe(true);
  });

  it('is made anew before the token ends', async () => {
    swift.tokenLifeMs = 1;
    const store = storeWith();
    await store.put('key', Buffer.from('x'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await store.put('key', Buffer.from('x'));
    expect(swift.logins).toBe(2);
    expect(swift.asked).toHaveLength(2);
  });

  it('is made anew when the token that a function gave ends, by whatever it says that', async () => {
    let asked = 0;
    const get = async () => {
      swift.tokens.add(`own-${++asked}`);
      const expires = new Date(Date.now() + (asked === 1 ? -1 : 3_600_000)).toISOString();
      return { token: `own-${asked}`, storageUrl: `${swift.server.url}/v1/AUTH_x`, expires };
    };
    const store = storeWith({ auth: { kind: 'token', get } });
    for (let n = 0; n < 3; n++) await store.put('key', Buffer.from('x'));
    expect(asked).toBe(2);
  });

  it('whose endpoint in the catalog has another kind of URL fails', async () => {
    swift.catalog = () => [{ type: 'object-store', endpoints: [{ interface: 'public', url: 'ftp://swift.example' }] }];
    await expect(storeWith({ auth: keystone() }).stat('key')).rejects.toMatchObject({ reason: 'protocol' });
  });

  it('whose answer drips for ever is given up, and the next is made anew', async () => {
    swift.loginAnswers = (response) => {
      const dripping = setInterval(() => response.write(' '), 1000);
      response.once('close', () => clearInterval(dripping));
    };
    using time = new PassingTime();
    const store = storeWith({ retryDelaysMs: [] });
    const over = new AbortController();
    const failed = expect(store.stat('key').finally(() => over.abort())).rejects.toMatchObject({
      reason: 'stalled',
      retryable: true,
    });
    while (!over.signal.aborted) {
      time.pass(1000);
      await new Promise(setImmediate);
    }
    await failed;
    swift.loginAnswers = undefined;
    await store.put('key', Buffer.from('x'));
    expect(swift.logins).toBe(1);
  });

  it('with a user that no header can hold is an error', async () => {
    const auth: SwiftAuth = { kind: 'tempauth', url: `${swift.server.url}/auth/v1.0`, user: 'a:b\n', key: password };
    await expect(storeWith({ auth }).stat('key')).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'failed' });
  });

  it('that is given a token which is refused again fails', async () => {
    let asked = 0;
    const get = async () => ({ token: `unknown-${++asked}`, storageUrl: `${swift.server.url}/v1/AUTH_x` });
    await expect(storeWith({ auth: { kind: 'token', get } }).stat('key')).rejects.toMatchObject({
      reason: 'credentials',
    });
    expect(asked).toBe(2);
  });

  it('by a function of the application’s own keeps its `this`', async () => {
    swift.tokens.add('own');
    const auth = {
      kind: 'token' as const,
      token: 'own',
      get() {
        return Promise.resolve({ token: this.token, storageUrl: `${swift.server.url}/v1/AUTH_x` });
      },
    };
    await storeWith({ auth }).put('key', Buffer.from('x'));
    expect(swift.objects.size).toBe(1);
  });

  it.each([
    ['fails', () => Promise.reject(new Error('down')), 'failed'],
    ['gives something else', () => Promise.resolve({ token: '' } as never), 'gave something else'],
    ['gives nothing', () => Promise.resolve(undefined as never), 'gave something else'],
    [
      'gives a token with a line end',
      () => Promise.resolve({ token: 'token\n', storageUrl: 'https://swift.example' }),
      'gave something else',
    ],
    [
      'gives another kind of URL',
      () => Promise.resolve({ token: 'token', storageUrl: 'ftp://swift.example' }),
      'gave something else',
    ],
  ])('by a function that %s is an error', async (_, get, message) => {
    await expect(storeWith({ auth: { kind: 'token', get } }).stat('key')).rejects.toMatchObject({
      reason: 'credentials',
      message: expect.stringContaining(message) as unknown,
    });
  });

  it.each([
    ['Keystone', keystone, status(401, JSON.stringify({ error: { message: `no ${password}` } })), 'credentials'],
    ['Swift', tempauth, status(401, `<html>no ${password}</html>`), 'credentials'],
    ['Keystone', keystone, status(401, '{"error":{"message":{"toString":1}}}'), 'credentials'],
    ['Keystone', keystone, status(503), 'unavailable'],
    ['Keystone', keystone, status(201, '{}'), 'protocol'],
    ['Swift', tempauth, status(200), 'protocol'],
    [
      'Swift',
      tempauth,
      status(200, '', { 'x-auth-token': 'token', 'x-storage-url': 'ftp://swift.example' }),
      'protocol',
    ],
  ] as const)('that %s refuses is told, without the password', async (_, auth, answer, reason) => {
    swift.loginAnswers = answer;
    const error: unknown = await storeWith({ auth: auth() })
      .stat('key')
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'STORE_FAILED', reason });
    expect(String(error) + JSON.stringify(error)).not.toContain(password);
  });
});

describe('a put', () => {
  it('carries the MD5 of its body, and is repeated where it did not arrive', async () => {
    const bytes = Buffer.from('content');
    const sound = swift.answers;
    swift.answers = (...args) => {
      swift.answers = sound;
      return status(422)(...args);
    };
    await storeWith().put('key', bytes);
    expect(swift.asked).toHaveLength(2);
    expect(swift.objects.get('key')).toEqual(bytes);
  });

  it('whose object turns out to be another is no success, and it goes', async () => {
    swift.answers = (response, { method }) => {
      response.writeHead(method === 'PUT' ? 201 : 204, { etag: '0'.repeat(32) }).end();
    };
    await expect(storeWith().put('key', Buffer.from('x'))).rejects.toMatchObject({ reason: 'integrity' });
    expect(swift.asked.at(-1)).toBe('DELETE /v1/AUTH_x/container/key');
  });

  it('that was only accepted, since a newer timestamp is there, is repeated', async () => {
    const bytes = Buffer.from('content');
    swift.newer.set('key', 2);
    expect(await storeWith().put('key', bytes)).toEqual({ created: true });
    expect(swift.objects.get('key')).toEqual(bytes);
  });

  it.each([
    ['and its body with it', 5, true],
    ['before its body was sent', 2 * 1024 * 1024, false],
  ])('that is accepted again and again, %s, is not stored', async (_, size, readsBodies) => {
    swift.server.readsBodies = readsBodies;
    swift.newer.set('key', Infinity);
    const unavailable = { code: 'STORE_FAILED', reason: 'unavailable', retryable: true, status: 202 };
    await expect(storeWith().put('key', Buffer.alloc(size))).rejects.toMatchObject(unavailable);
    expect(swift.asked).toHaveLength(3);
  });

  it.each([
    [403, '', 'denied'],
    [404, '', 'no-container'],
    [413, '<html>Upload exceeds quota.</html>', 'quota'],
    [413, '', 'too-large'],
    [429, '', 'throttled'],
    [498, '', 'throttled'],
    [503, '', 'unavailable'],
    [507, '', 'quota'],
  ])('answered with %d %s fails as %s', async (code, body, reason) => {
    swift.answers = status(code, body, { 'x-trans-id': 'tx0123' });
    await expect(storeWith().put('key', Buffer.from('x'))).rejects.toMatchObject({ reason, status: code });
  });

  it('tells the transaction, and not the token that is echoed', async () => {
    swift.answers = (response, { headers }) => {
      response.writeHead(403, { 'x-trans-id': 'tx0123' }).end(`no, ${String(headers['x-auth-token'])}`);
    };
    const error: unknown = await storeWith()
      .put('key', Buffer.from('x'))
      .catch((thrown: unknown) => thrown);
    expect(String(error)).toContain('tx0123');
    expect(String(error)).not.toContain('token-1');
  });
});

describe('a get', () => {
  it('whose bytes do not have the MD5 that the store tells of ends with an error', async () => {
    const bytes = randomBytes(100_000);
    await storeWith().put('key', bytes);
    expect((await buffer(await storeWith().get('key'))).equals(bytes)).toBe(true);
    swift.objects.set('key', bytes);
    swift.answers = (response) => {
      const damaged = Buffer.from(bytes);
      damaged[5000]! ^= 1;
      response
        .writeHead(200, { etag: '0123456789abcdef0123456789abcdef', 'content-length': bytes.length })
        .end(damaged);
    };
    await expect(buffer(await storeWith().get('key'))).rejects.toMatchObject({ reason: 'integrity' });
  });

  it('of a large object, whose ETag is none of its bytes, is not compared with it', async () => {
    swift.answers = status(200, 'content', {
      etag: '"0123456789abcdef0123456789abcdef"',
      'x-static-large-object': 'True',
    });
    expect((await buffer(await storeWith().get('key'))).toString()).toBe('content');
  });

  it('of a missing object is only believed where the container is there', async () => {
    swift.answers = status(404);
    await expect(storeWith().get('key')).rejects.toMatchObject({ reason: 'no-container' });
    await expect(storeWith().stat('key')).rejects.toMatchObject({ reason: 'no-container' });
    swift.answers = undefined;
    await expect(storeWith().get('key')).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
    expect(await storeWith().stat('key')).toBeUndefined();
  });

  it('is of the newest that any replica has, and so is a look', async () => {
    await storeWith().put('key', Buffer.from('the new one'));
    swift.stale.set('key', Buffer.from('old'));
    expect((await buffer(await storeWith().get('key'))).toString()).toBe('the new one');
    expect(await storeWith().stat('key')).toMatchObject({ size: 11 });
  });

  it('of a range asks one replica, and what goes on with a broken one of the whole object asks all', async () => {
    let cut = true;
    swift.answers = (response, { headers }) => {
      const from = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
      const rest = 'content'.slice(from);
      const ranged = headers.range === undefined ? {} : { 'content-range': `bytes ${from}-6/7` };
      response.writeHead(headers.range === undefined ? 200 : 206, { ...ranged, 'content-length': rest.length });
      response.write(cut ? 'con' : rest, () => (cut ? response.destroy() : response.end()));
      cut = false;
    };
    expect((await buffer(await storeWith().get('key'))).toString()).toBe('content');
    expect((await buffer(await storeWith().get('key', { range: { offset: 4 } }))).toString()).toBe('ent');
    const gets = swift.server.arrived.filter(({ method, url }) => method === 'GET' && url.endsWith('/key'));
    expect(gets.map(({ headers }) => [headers.range, headers['x-newest']])).toEqual([
      [undefined, 'true'],
      ['bytes=3-6', 'true'],
      ['bytes=4-', undefined],
    ]);
  });

  it('tells the time of an object to the fraction of a second', async () => {
    await storeWith().put('key', Buffer.from('x'));
    expect(await storeWith().stat('key')).toEqual({
      key: 'key',
      size: 1,
      lastModified: new Date(1_767_323_045_123.45),
    });
  });
});

describe('a list', () => {
  const page = (...names: string[]) =>
    status(200, JSON.stringify(names.map((name) => ({ name, bytes: 1, last_modified: '2026-01-02T03:04:05.678900' }))));
  const keysOf = async (store: SwiftObjectStore) => {
    const keys: string[] = [];
    for await (const { key, lastModified } of store.list('a/')) {
      expect(lastModified.toISOString()).toBe('2026-01-02T03:04:05.678Z');
      keys.push(key);
    }
    return keys;
  };

  it('goes on until a page is empty, however short one is', async () => {
    swift.answers = inTurn(page('pre/a/1', 'pre/a/ä 2'), page('pre/a/3'), page());
    expect(await keysOf(storeWith({ prefix: 'pre' }))).toEqual(['a/1', 'a/ä 2', 'a/3']);
    expect(swift.asked).toEqual([
      'GET /v1/AUTH_x/container?format=json&limit=2000&prefix=pre%2Fa%2F',
      'GET /v1/AUTH_x/container?format=json&limit=2000&prefix=pre%2Fa%2F&marker=pre%2Fa%2F%C3%A4%202',
      'GET /v1/AUTH_x/container?format=json&limit=2000&prefix=pre%2Fa%2F&marker=pre%2Fa%2F3',
    ]);
  });

  it.each([
    ['no JSON', status(200, '[{'), 'protocol'],
    ['something else', status(200, '{"a":1}'), 'protocol'],
    ['the same page again', page('a/1'), 'protocol'],
    ['what was not asked for', inTurn(page('a/1', 'b/1'), page()), 'protocol'],
    ['small letters taken for large ones', inTurn(page('A/1'), page()), 'protocol'],
    ['no container', status(404), 'no-container'],
    ['a time that is none', status(200, '[{"name":"a/1","bytes":1,"last_modified":"yesterday"}]'), 'protocol'],
  ] as const)('answered with %s is an error, not an end', async (_, answer, reason) => {
    swift.answers = answer;
    await expect(keysOf(storeWith())).rejects.toMatchObject({ code: 'STORE_FAILED', reason });
  });
});

describe('a deletion', () => {
  const info = JSON.stringify({ bulk_delete: { max_deletes_per_request: 2 } });
  const bulk = (result: Readonly<Record<string, unknown>>): Answer => {
    const { Errors: errors } = result;
    const failed = Array.isArray(errors) ? errors.length : 0;
    return (response, { url, body }) => {
      const asked = body.toString().split('\n').length;
      const counts = { 'Number Deleted': asked - failed, 'Number Not Found': 0 };
      const text = JSON.stringify({ 'Response Status': '200 OK', Errors: [], ...counts, ...result });
      // Spaces keep the connection alive while it works.
      response.writeHead(200).end(url === '/info' ? info : `   \r\n${text}`);
    };
  };

  it('of several is one request for as many as the cluster takes', async () => {
    swift.answers = bulk({ 'Number Deleted': 2 });
    const { deleted, failed } = await storeWith({ prefix: 'pre' }).delete(['a b', 'c', 'd']);
    expect([deleted, failed]).toEqual([['a b', 'c', 'd'], []]);
    expect(swift.asked).toEqual(['GET /info', 'POST /v1/AUTH_x?bulk-delete', 'POST /v1/AUTH_x?bulk-delete']);
    expect(swift.server.arrived.map(({ body }) => body.toString()).slice(-2)).toEqual([
      '/container/pre/a%20b\n/container/pre/c',
      '/container/pre/d',
    ]);
  });

  it('is of no more than the cluster goes on after when all of them fail', async () => {
    const limits = JSON.stringify({ bulk_delete: { max_deletes_per_request: 1000, max_failed_deletes: 2 } });
    const answer = bulk({});
    swift.answers = (response, arrived, request) =>
      arrived.url === '/info' ? void response.end(limits) : answer(response, arrived, request);
    await storeWith().delete(['a', 'b', 'c']);
    expect(swift.server.arrived.map(({ body }) => body.toString()).slice(-2)).toEqual([
      '/container/a\n/container/b',
      '/container/c',
    ]);
  });

  it('answered with success and with errors in its body fails for those', async () => {
    swift.answers = bulk({ 'Response Status': '400 Bad Request', Errors: [['/container/a%20b', '403 Forbidden']] });
    const { deleted, failed } = await storeWith().delete(['a b', 'c']);
    expect([deleted, failed]).toMatchObject([['c'], [{ key: 'a b', error: { reason: 'denied' } }]]);
  });

  const untold = ['50%', 'x'].map((key) => ({ key, error: { reason: 'protocol' } }));
  it.each([
    ['as radosgw gives them', 'container/50%', ['x'], [{ key: '50%', error: { reason: 'denied' } }]],
    ['of what nobody asked for', '/container/other', [], untold],
    ['that cannot be decoded', '/container/%E4%', [], untold],
  ])('answered with paths %s takes nothing for deleted that may be there', async (_, path, gone, left) => {
    swift.answers = bulk({ 'Response Status': '400 Bad Request', Errors: [[path, '403 Forbidden']] });
    const { deleted, failed } = await storeWith().delete(['50%', 'x']);
    expect([deleted, failed]).toMatchObject([gone, left]);
  });

  it('ends when it is aborted while the cluster is asked what it can do, which is asked again then', async () => {
    const controller = new AbortController();
    swift.answers = () => {
      controller.abort();
    };
    const store = storeWith();
    await expect(store.delete(['a', 'b'], { signal: controller.signal })).rejects.toMatchObject({ code: 'ABORTED' });
    swift.answers = bulk({ 'Number Deleted': 2 });
    expect((await store.delete(['a', 'b'])).deleted).toEqual(['a', 'b']);
  });

  it.each([
    [{ 'Response Status': '502 Bad Gateway' }, 'unavailable'],
    [{ 'Response Status': '400 Bad Request' }, 'failed'],
    [{ Errors: [['/container/a', '503 Internal Error']] }, 'unavailable'],
    [{ 'Response Status': '500 Internal Error', Errors: [['/container/a', '403 Forbidden']] }, 'unavailable'],
    // It gave up after the first error, as a cluster may that allows no more.
    [
      {
        'Response Status': '400 Bad Request',
        'Response Body': 'Max delete failures exceeded',
        'Number Deleted': 0,
        'Number Not Found': 0,
        Errors: [['/container/a', '403 Forbidden']],
      },
      'unavailable',
    ],
    [{ Errors: 'none' }, 'protocol'],
    [{ 'Number Deleted': undefined }, 'protocol'],
  ])('answered with %j fails for all', async (result, reason) => {
    swift.answers = bulk(result);
    const { deleted, failed } = await storeWith().delete(['a', 'b']);
    expect(deleted).toEqual([]);
    expect(failed).toMatchObject([
      { key: 'a', error: { reason } },
      { key: 'b', error: { reason } },
    ]);
  });

  it.each([
    ['and another one is taken', true, { deleted: ['a', 'b'], failed: [] }],
    [
      'and the next one as well',
      false,
      {
        deleted: [],
        failed: ['a', 'b'].map((key) => ({ key, error: { code: 'STORE_FAILED', reason: 'credentials' } })),
      },
    ],
  ])('of several whose token is refused within the answer is sent once more: %s', async (_, isRenewed, outcome) => {
    swift.deletesInBulk = true;
    const store = storeWith();
    for (const key of ['a', 'b']) await store.put(key, Buffer.from('x'));
    swift.tokens.clear();
    if (!isRenewed)
      swift.loginAnswers = status(200, '', { 'x-auth-token': 'bad', 'x-storage-url': `${swift.server.url}/v1/AUTH_x` });
    expect(await store.delete(['a', 'b'])).toMatchObject(outcome);
    expect(swift.refused).toBe(isRenewed ? 1 : 2);
    expect(swift.asked.filter((each) => each.startsWith('POST'))).toHaveLength(2);
  });

  it('where nothing was there is as good as done', async () => {
    swift.answers = bulk({ 'Response Status': '404 Not Found', 'Number Not Found': 2 });
    expect((await storeWith().delete(['a', 'b'])).failed).toEqual([]);
  });

  it('is one request for each where the cluster cannot delete several', async () => {
    await storeWith().put('a', Buffer.from('x'));
    const { deleted, missing, failed } = await storeWith().delete(['a', 'b']);
    expect([deleted, missing, failed]).toEqual([['a'], ['b'], []]);
  });
});

it.each([
  ['auth', { auth: { kind: 'keystone', url: 'https://example' } as never }],
  ['auth', { auth: { kind: 'other' } as never }],
  ['auth.url', { auth: { kind: 'tempauth', url: 'example', user: 'a', key: 'b' } as SwiftAuth }],
  ['container', { container: 'a/b' }],
  ['stallTimeoutMs', { stallTimeoutMs: 2 ** 31 }],
  ...badPrefixes.map((prefix) => ['options.prefix', { prefix: prefix as never }] as const),
])('refuses a bad %s', (field, options) => {
  expect(() => storeWith(options)).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', field: expect.stringContaining(field) as unknown }),
  );
});
