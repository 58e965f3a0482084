import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { S3ObjectStore, type S3ObjectStoreOptions } from '../../../src/stores/index.js';
import { PassingTime } from '../../support/passing-time.js';
import { until } from '../../support/until.js';
import { badPrefixes } from '../support/bad-prefixes.js';
import { type Answer, HttpDouble, inTurn, status } from '../support/http-double.js';

const secret = 'the-secret-access-key';
const mebibyte = 1024 * 1024;
let server: HttpDouble;

beforeEach(async () => {
  server = await HttpDouble.start(status(200));
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const storeWith = (options: Partial<S3ObjectStoreOptions> = {}) =>
  new S3ObjectStore({
    endpoint: server.url,
    region: 'eu-central-1',
    bucket: 'bucket',
    credentials: { accessKeyId: 'key', secretAccessKey: secret },
    retryDelaysMs: [1, 1],
    ...options,
  });
const refusal = (code: number, name: string, message = 'because', headers: Record<string, string> = {}): Answer =>
  status(code, `<?xml version="1.0"?><Error><Code>${name}</Code><Message>${message}</Message></Error>`, headers);
const put = (size = 10) => storeWith().put('key', randomBytes(size));

describe('a put', () => {
  it('carries the MD5 of its body, signed, and does not hash it for the signature', async () => {
    const bytes = Buffer.from('content');
    await storeWith().put('folder/a key', [bytes.subarray(0, 3), bytes.subarray(3)]);
    const [{ method, url, headers, body }] = server.arrived as [(typeof server.arrived)[0]];
    expect([method, url, body.toString()]).toEqual(['PUT', '/bucket/folder/a%20key', 'content']);
    expect(headers['content-md5']).toBe(createHash('md5').update(bytes).digest('base64'));
    expect(headers['x-amz-content-sha256']).toBe('UNSIGNED-PAYLOAD');
    expect(headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=key\/\d{8}\/eu-central-1\/s3\/aws4_request, SignedHeaders=.*content-md5;.*host;.*x-amz-content-sha256/,
    );
    expect(headers.expect).toBeUndefined();
  });

  it('asks before it sends more than a mebibyte', async () => {
    await put(mebibyte + 1);
    expect(server.arrived[0]).toMatchObject({ headers: { expect: '100-continue' } });
    expect(server.arrived[0]!.body).toHaveLength(mebibyte + 1);
  });

  it('sends the body all the same where nobody says to go on', async () => {
    server.saysContinue = false;
    await put(2 * mebibyte);
    expect(server.arrived[0]!.body).toHaveLength(2 * mebibyte);
  });

  it('reads a refusal instead of sending the body, and says why', async () => {
    server.readsBodies = false;
    let bytes = 0;
    server.answers((response, arrived, request) => {
      request.on('data', (chunk: Buffer) => (bytes += chunk.length));
      void refusal(403, 'AccessDenied')(response, arrived, request);
    });
    await expect(put(64 * mebibyte)).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'denied', status: 403 });
    expect(bytes).toBe(0);
  });

  it('that a server says is done before it had the body is not', async () => {
    server.readsBodies = false;
    await expect(put(4 * mebibyte)).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'protocol' });
  });

  it('sends all of it again after a refusal that passes, and waits as long as it is asked to', async () => {
    const bytes = randomBytes(3 * mebibyte);
    server.answers(
      inTurn(refusal(503, 'SlowDown', 'slow', { 'retry-after': '1' }), refusal(400, 'BadDigest'), status(200)),
    );
    const began = performance.now();
    await storeWith().put('key', bytes);
    expect(performance.now() - began).toBeGreaterThan(900);
    expect(server.arrived.map(({ body }) => body.equals(bytes))).toEqual([true, true, true]);
  });

  it('gives up after its tries', async () => {
    server.answers(refusal(500, 'InternalError'));
    await expect(put()).rejects.toMatchObject({ reason: 'unavailable', retryable: true });
    expect(server.arrived).toHaveLength(3);
  });

  it('does not wait for a store that asks for more time than it has, and says how long that is', async () => {
    server.answers(refusal(503, 'SlowDown', 'slow', { 'retry-after': '3600' }));
    await expect(put()).rejects.toMatchObject({ reason: 'throttled', retryAfterMs: 3_600_000 });
    expect(server.arrived).toHaveLength(1);
  });

  it('is repeated where the connection breaks', async () => {
    server.answers(inTurn((response) => void response.destroy(), status(200)));
    await put();
    expect(server.arrived).toHaveLength(2);
  });

  it('is given up where no byte moves', async () => {
    server.readsBodies = false;
    server.answers(() => undefined);
    const store = storeWith({ stallTimeoutMs: 200, retryDelaysMs: [] });
    await expect(store.put('key', randomBytes(64 * mebibyte))).rejects.toMatchObject({ reason: 'stalled' });
  });

  it('ends at once when it is aborted', async () => {
    const controller = new AbortController();
    server.readsBodies = false;
    server.answers(() => {
      controller.abort();
    });
    await expect(storeWith().put('key', randomBytes(10), { signal: controller.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(server.arrived).toHaveLength(1);
  });

  it('with ifAbsent is not repeated once it may have taken effect', async () => {
    server.answers((response, { method, url }) => {
      if (method === 'PUT') response.destroy();
      else response.writeHead(url === '/bucket/' ? 200 : 404).end();
    });
    await expect(storeWith().put('key', randomBytes(10), { ifAbsent: true })).rejects.toMatchObject({
      reason: 'connection',
    });
    expect(server.asked.filter((asked) => asked.startsWith('PUT'))).toHaveLength(1);
  });
});

describe('a refusal', () => {
  it.each([
    [403, 'InvalidAccessKeyId', 'credentials', 'the keys are refused'],
    [403, 'SignatureDoesNotMatch', 'credentials', 'the keys are refused'],
    [403, 'AccessDenied', 'denied', 'no permission'],
    [404, 'NoSuchBucket', 'no-container', 'no such bucket'],
    [403, 'QuotaExceeded', 'quota', 'quota is used up'],
    [400, 'EntityTooLarge', 'too-large', 'larger'],
    [413, '', 'too-large', 'larger'],
    [429, '', 'throttled', 'fewer requests'],
    [507, '', 'quota', 'quota is used up'],
    [418, 'Teapot', 'failed', 'HTTP 418 Teapot: because'],
  ])('of HTTP %d %s is told as %s', async (code, name, reason, message) => {
    server.answers(refusal(code, name));
    await expect(put()).rejects.toMatchObject({
      code: 'STORE_FAILED',
      reason,
      status: code,
      message: expect.stringContaining(message) as unknown,
    });
  });

  it('for the time of the request tells by how much the clocks differ', async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    server.answers(refusal(403, 'RequestTimeTooSkewed', 'skewed', { date }));
    await expect(put()).rejects.toMatchObject({
      reason: 'clock-skew',
      message: expect.stringMatching(/differ by 3(?:599|600|601) s: this machine's is behind/) as unknown,
    });
  });

  it('for the region tells the right one', async () => {
    server.answers(refusal(400, 'AuthorizationHeaderMalformed', 'wrong', { 'x-amz-bucket-region': 'us-west-2' }));
    await expect(put()).rejects.toThrow('the bucket is in the region us-west-2');
  });

  it('that is a page of a proxy is told by its status', async () => {
    server.answers(status(502, '<html><body>Bad Gateway</html>'));
    await expect(put()).rejects.toMatchObject({ reason: 'unavailable', status: 502 });
  });

  it('that echoes what it was sent gives no secret away', async () => {
    const sessionToken = 'the-session-token';
    server.answers((response, { headers }) => {
      const echo = `${secret} ${sessionToken} ${headers.authorization ?? ''}`;
      response.writeHead(403).end(`<Error><Code>AccessDenied</Code><Message>${echo}</Message></Error>`);
    });
    const credentials = { accessKeyId: 'key', secretAccessKey: secret, sessionToken };
    const error: unknown = await storeWith({ credentials })
      .put('key', randomBytes(1))
      .catch((thrown: unknown) => thrown);
    const { authorization } = server.arrived[0]!.headers;
    for (const hidden of [secret, sessionToken, authorization!]) {
      expect(JSON.stringify(error) + String(error) + String((error as Error).stack)).not.toContain(hidden);
    }
  });

  it('of a missing object is only believed where the bucket is there', async () => {
    server.answers(status(404));
    await expect(storeWith().stat('key')).rejects.toMatchObject({ reason: 'no-container' });
    await expect(storeWith().get('key')).rejects.toMatchObject({ reason: 'no-container' });
    server.answers((response, { url }) => void response.writeHead(url === '/bucket/' ? 200 : 404).end());
    expect(await storeWith().stat('key')).toBeUndefined();
    await expect(storeWith().get('key')).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND', key: 'key' });
  });

  it('of a HEAD that is not allowed does not say that there is no object', async () => {
    server.answers((response, { method, url }) => {
      response.writeHead(method === 'HEAD' && url !== '/bucket/' ? 405 : 200).end();
    });
    await expect(storeWith().stat('key')).rejects.toMatchObject({ code: 'STORE_FAILED', status: 405 });
  });
});

describe('keys', () => {
  it('are asked for once by requests at the same time, and again when they are about to end or refused', async () => {
    let given = 0;
    const expiration = () => new Date(Date.now() + (given === 1 ? 1 : 3_600_000));
    const credentials = async () => {
      given++;
      await new Promise(setImmediate);
      return { accessKeyId: `key-${given}`, secretAccessKey: secret, expiration: expiration() };
    };
    const store = storeWith({ credentials });
    const used = () => server.arrived.map(({ headers }) => /Credential=(key-\d)/.exec(headers.authorization!)?.[1]);
    await Promise.all([1, 2, 3].map((n) => store.put(`key-${n}`, randomBytes(1))));
    expect(used()).toEqual(['key-1', 'key-1', 'key-1']);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await store.put('key', randomBytes(1));
    expect(used().at(-1)).toBe('key-2');
    server.answers(inTurn(refusal(400, 'ExpiredToken'), status(200)));
    await store.put('key', randomBytes(1));
    expect(used().slice(-2)).toEqual(['key-2', 'key-3']);
  });

  it.each([400, 401, 403])(
    'that are refused by a HEAD, which has no words but %d, are asked for again, once',
    async (code) => {
      let given = 0;
      const credentials = async () => ({ accessKeyId: `key-${++given}`, secretAccessKey: secret });
      const head = status(200, '', { 'last-modified': new Date().toUTCString() });
      server.answers(inTurn(status(code), head));
      const store = storeWith({ credentials });
      expect(await store.stat('key')).toMatchObject({ key: 'key' });
      expect(given).toBe(2);
      server.answers(status(code));
      await expect(store.put('key', randomBytes(1), { ifAbsent: true })).rejects.toMatchObject({ status: code });
      expect(given).toBe(3);
      expect(server.asked).toHaveLength(4);
    },
  );

  it('that are refused again are an error', async () => {
    let given = 0;
    const credentials = async () => ({ accessKeyId: `key-${++given}`, secretAccessKey: secret });
    server.answers(refusal(400, 'ExpiredToken'));
    await expect(storeWith({ credentials }).put('key', randomBytes(1))).rejects.toMatchObject({
      reason: 'credentials',
    });
    expect(given).toBe(2);
  });

  it('that cannot be had are an error with the cause', async () => {
    const cause = new Error('no profile');
    const credentials = () => Promise.reject(cause);
    await expect(storeWith({ credentials }).put('key', randomBytes(1))).rejects.toMatchObject({
      reason: 'credentials',
      cause,
      retryable: false,
    });
  });

  it('that cannot be had for now are asked for again', async () => {
    let asked = 0;
    const credentials = async () => {
      if (++asked < 3) throw Object.assign(new Error('busy'), { code: 'ECONNRESET' });
      return { accessKeyId: 'key', secretAccessKey: secret };
    };
    await storeWith({ credentials }).put('key', randomBytes(1));
    expect(asked).toBe(3);
  });

  it.each([
    ['nothing', undefined],
    ['nothing in an object', {}],
    ['a key with a line end', { accessKeyId: 'key\n', secretAccessKey: secret }],
    ['a token with a line end', { accessKeyId: 'key', secretAccessKey: secret, sessionToken: 'token\n' }],
    ['an end that is none', { accessKeyId: 'key', secretAccessKey: secret, expiration: 'soon' }],
  ])('are none where %s is given', async (_, given) => {
    const error: unknown = await storeWith({ credentials: async () => given as never })
      .put('key', randomBytes(1))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'STORE_FAILED', reason: 'credentials', retryable: false });
    expect(String(error) + JSON.stringify(error)).not.toContain(secret);
  });

  it('end when AWS’s own JSON says so', async () => {
    let given = 0;
    const credentials = async () => {
      const expiration = new Date(Date.now() + (++given === 1 ? -1 : 3_600_000)).toISOString();
      return { accessKeyId: `key-${given}`, secretAccessKey: secret, expiration };
    };
    const store = storeWith({ credentials });
    for (let n = 0; n < 3; n++) await store.put('key', randomBytes(1));
    expect(given).toBe(2);
  });

  it('may say with an empty text or null that there is no token, and no end', async () => {
    const credentials = async () => ({
      accessKeyId: 'key',
      secretAccessKey: secret,
      sessionToken: '',
      expiration: null as unknown as undefined,
    });
    await storeWith({ credentials }).put('key', randomBytes(1));
    expect(server.arrived[0]!.headers['x-amz-security-token']).toBeUndefined();
  });

  it('that never come hold nobody for ever, nor those who ask later', async () => {
    using time = new PassingTime();
    let asked = 0;
    const credentials = async () => {
      if (++asked === 1) await new Promise(() => undefined);
      return { accessKeyId: 'key', secretAccessKey: secret };
    };
    const store = storeWith({ credentials, retryDelaysMs: [] });
    const controller = new AbortController();
    const patient = store.put('key', randomBytes(1)).catch((error: unknown) => error);
    await until(() => asked === 1);
    const aborted = store.put('key', randomBytes(1), { signal: controller.signal }).catch((error: unknown) => error);
    controller.abort();
    expect(await aborted).toMatchObject({ code: 'ABORTED' });
    time.pass(120_000);
    expect(await patient).toMatchObject({ code: 'STORE_FAILED', reason: 'stalled' });
    await store.put('key', randomBytes(1));
    expect(asked).toBe(2);
  });
});

describe('a get', () => {
  const bytes = randomBytes(5 * mebibyte);
  const etag = '"0123456789abcdef0123456789abcdef"';

  /** Serves the object, and cuts each answer after so many bytes. */
  const serves =
    (cutAfter = Number.POSITIVE_INFINITY): Answer =>
    (response, { headers }) => {
      const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
      const begin = Number(first ?? 0);
      const end = last === undefined || last === '' ? bytes.length : Math.min(bytes.length, Number(last) + 1);
      if (begin >= bytes.length) return void response.writeHead(416).end();
      const part = bytes.subarray(begin, end);
      const range = first === undefined ? {} : { 'content-range': `bytes ${begin}-${end - 1}/${bytes.length}` };
      response.writeHead(first === undefined ? 200 : 206, { 'content-length': part.length, etag, ...range });
      if (part.length <= cutAfter) return void response.end(part);
      response.write(part.subarray(0, cutAfter), () => response.destroy());
    };

  it('goes on where the connection breaks, as long as it gets on, and asks for the same object', async () => {
    server.answers(serves(mebibyte));
    expect((await buffer(await storeWith().get('key'))).equals(bytes)).toBe(true);
    expect(server.arrived.length).toBeGreaterThan(4);
    for (const { headers } of server.arrived.slice(1)) expect(headers).toMatchObject({ 'if-match': etag });
  });

  it('goes on within a range', async () => {
    server.answers(serves(mebibyte / 4));
    const stream = await storeWith().get('key', { range: { offset: 100, length: mebibyte } });
    expect((await buffer(stream)).equals(bytes.subarray(100, 100 + mebibyte))).toBe(true);
  });

  it('goes on where no byte moves', async () => {
    server.answers(
      inTurn((response) => {
        response.writeHead(200, { 'content-length': bytes.length, etag }).write(bytes.subarray(0, 1000));
      }, serves()),
    );
    const store = storeWith({ stallTimeoutMs: 200 });
    expect((await buffer(await store.get('key'))).equals(bytes)).toBe(true);
  });

  it('does not take a reader who is slow for a server that is', async () => {
    server.answers(serves());
    const store = storeWith({ stallTimeoutMs: 100, retryDelaysMs: [] });
    const stream = await store.get('key');
    await once(stream, 'readable');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await buffer(stream)).equals(bytes)).toBe(true);
    expect(server.arrived).toHaveLength(1);
  });

  it('ends with an error where it does not get on', async () => {
    server.answers(inTurn(serves(1000), (response) => void response.destroy()));
    await expect(buffer(await storeWith().get('key'))).rejects.toMatchObject({
      code: 'STORE_FAILED',
      reason: 'connection',
      message: expect.stringContaining('key broke off after 1000 bytes') as unknown,
    });
  });

  it.each([
    ['says so', status(412)],
    ['is another', status(206, 'x'.repeat(1000), { etag: '"another"', 'content-range': 'bytes 1000-1999/2000' })],
  ])('ends with an error where the object that it goes on with %s', async (_, answer) => {
    server.answers(inTurn(serves(1000), answer));
    await expect(buffer(await storeWith().get('key'))).rejects.toMatchObject({ reason: 'integrity', retryable: false });
  });

  it.each([
    ['ignores the range', status(200, 'x'.repeat(10)), 'protocol'],
    ['gives another range', status(206, 'x', { 'content-range': 'bytes 0-0/10' }), 'protocol'],
    ['gives less of it', status(206, 'x', { 'content-range': 'bytes 5-5/6' }), 'failed'],
    ['does not have it', status(416), 'failed'],
    [
      'does not tell its length',
      (response: Parameters<Answer>[0]) => void response.writeHead(200).write('x'),
      'protocol',
    ],
  ] as const)('of a range from a server that %s is an error', async (_, answer, reason) => {
    server.answers(answer);
    await expect(storeWith().get('key', { range: { offset: 5, length: 2 } })).rejects.toMatchObject({
      code: 'STORE_FAILED',
      reason,
    });
  });

  it('that is destroyed ends its request for the rest', async () => {
    let isEnded = false;
    server.answers(
      inTurn(serves(1000), (response) => {
        response.once('close', () => (isEnded = true));
      }),
    );
    const stream = (await storeWith().get('key')).resume();
    await until(() => server.arrived.length === 2);
    stream.destroy();
    await until(() => isEnded);
    expect(server.arrived).toHaveLength(2);
  });

  it('that is destroyed is not tried again', async () => {
    using time = new PassingTime();
    let isCut = false;
    server.answers(
      inTurn(serves(1000), (response) => {
        response.once('close', () => (isCut = true)).destroy();
      }),
    );
    const stream = (await storeWith({ retryDelaysMs: [1, 60_000] }).get('key')).resume();
    await until(() => isCut);
    for (let turns = 0; turns < 100; turns++) await new Promise(setImmediate);
    stream.destroy();
    time.pass(60_000);
    for (let turns = 0; turns < 100; turns++) await new Promise(setImmediate);
    expect(server.arrived).toHaveLength(2);
  });

  it('ends at once when it is aborted while the server is silent', async () => {
    server.answers((response) => {
      response.writeHead(200, { 'content-length': bytes.length, etag }).write(bytes.subarray(0, 1000));
    });
    const controller = new AbortController();
    const stream = await storeWith().get('key', { signal: controller.signal });
    const reading = buffer(stream);
    setImmediate(() => controller.abort());
    await expect(reading).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('a list', () => {
  const page = (keys: string[], token?: string) =>
    `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${keys
      .map(
        (key) =>
          `<Contents><Key>${key}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><Size>7</Size></Contents>`,
      )
      .join('')}<IsTruncated>${token === undefined ? 'false' : 'true'}</IsTruncated>${
      token === undefined ? '' : `<NextContinuationToken>${token}</NextContinuationToken>`
    }</ListBucketResult>`;
  const keysOf = async (store: S3ObjectStore) => {
    const keys: string[] = [];
    for await (const { key } of store.list('a/')) keys.push(key);
    return keys;
  };

  it('is followed page by page', async () => {
    server.answers(
      inTurn(status(200, page(['pre/a/1', 'pre/a/&amp;&#x20;2'], 'next/=')), status(200, page(['pre/a/3']))),
    );
    expect(await keysOf(storeWith({ prefix: '/pre/' }))).toEqual(['a/1', 'a/& 2', 'a/3']);
    expect(server.asked).toEqual([
      'GET /bucket/?list-type=2&prefix=pre%2Fa%2F',
      'GET /bucket/?list-type=2&prefix=pre%2Fa%2F&continuation-token=next%2F%3D',
    ]);
  });

  it.each([
    ['is cut', page(['a/1']).slice(0, -30)],
    ['is no XML', 'not at all'],
    ['has no times', '<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>'],
    ['does not say how it goes on', page(['a/1']).replace('false', 'true')],
    ['has what was not asked for', page(['a/1', 'b/1'])],
    ['takes small letters for large ones', page(['A/1'])],
  ])('that %s is an error, not an end', async (_, text) => {
    server.answers(status(200, text));
    await expect(keysOf(storeWith())).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'protocol' });
  });
});

describe('a deletion', () => {
  const answers =
    (deletion: string, versioning = '<VersioningConfiguration/>'): Answer =>
    (response, { url }) => {
      response.end(url.includes('versioning') ? versioning : `<DeleteResult>${deletion}</DeleteResult>`);
    };

  it('tells what the store says of each key', async () => {
    server.answers(
      answers(
        '<Deleted><Key>a</Key></Deleted><Error><Key>b</Key><Code>AccessDenied</Code><Message>no</Message></Error>' +
          '<Error><Key>c</Key><Code>NoSuchKey</Code></Error>',
      ),
    );
    const { deleted, failed } = await storeWith().delete(['a', 'b', 'c', 'd']);
    expect(deleted).toEqual(['a', 'c']);
    expect(failed).toMatchObject([
      { key: 'b', error: { reason: 'denied' } },
      { key: 'd', error: { reason: 'protocol' } },
    ]);
    const { headers, body } = server.arrived.at(-1)!;
    expect(headers['content-md5']).toBe(createHash('md5').update(body).digest('base64'));
  });

  it('asks again for what the store refuses for now', async () => {
    const refusals = ['a', 'b'];
    server.answers((response, request) => {
      if (request.url.includes('versioning')) {
        response.end('<VersioningConfiguration/>');
        return;
      }
      const refused = refusals.shift();
      response.end(
        `<DeleteResult>${['a', 'b', 'c']
          .map((key) =>
            key === refused
              ? `<Error><Key>${key}</Key><Code>SlowDown</Code></Error>`
              : `<Deleted><Key>${key}</Key></Deleted>`,
          )
          .join('')}</DeleteResult>`,
      );
    });
    expect(await storeWith({ retryDelaysMs: [1, 1] }).delete(['a', 'b', 'c'])).toMatchObject({
      deleted: ['a', 'b', 'c'],
      failed: [],
    });
    expect(refusals).toEqual([]);
    expect((await storeWith({ retryDelaysMs: [] }).delete(['a'])).failed).toEqual([]);
  });

  it('that only hides the object is a failure', async () => {
    server.answers(
      answers(
        '<Deleted><Key>a</Key><DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>1</DeleteMarkerVersionId></Deleted>',
        '',
      ),
    );
    const { failed } = await storeWith().delete(['a']);
    expect(failed).toMatchObject([{ key: 'a', error: { code: 'STORE_FAILED' } }]);
  });

  /** A bucket that has these versions of `key`, the newest first, and refuses some of them. */
  const versioned =
    (ids: readonly string[], refused: Readonly<Record<string, string>> = {}): Answer =>
    (response, { url, method, body }) => {
      if (url.includes('versioning')) {
        response.end('<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>');
        return;
      }
      if (method === 'HEAD') {
        const hold = {
          'content-length': '1',
          'x-amz-object-lock-legal-hold': 'ON',
          'last-modified': new Date().toUTCString(),
        };
        response.writeHead(200, hold).end();
        return;
      }
      const versionOf = (id: string) => `<Key>key</Key><VersionId>${id}</VersionId>`;
      if (url.includes('versions')) {
        const listed = ids.map((id) => {
          const name = id.startsWith('marker') ? 'DeleteMarker' : 'Version';
          return `<${name}>${versionOf(id)}<IsLatest>${id === ids[0]}</IsLatest></${name}>`;
        });
        response.end(`<ListVersionsResult>${listed.join('')}<IsTruncated>false</IsTruncated></ListVersionsResult>`);
        return;
      }
      const answered = deletedBy(body.toString()).map((id) => {
        const code = refused[id];
        return code === undefined
          ? `<Deleted>${versionOf(id)}</Deleted>`
          : `<Error>${versionOf(id)}<Code>${code}</Code></Error>`;
      });
      response.end(`<DeleteResult>${answered.join('')}</DeleteResult>`);
    };
  const deletedBy = (body: string) => [...body.matchAll(/<VersionId>(.*?)<\/VersionId>/g)].map(([, id = '']) => id);
  /** The versions that each request deleted. */
  const deletions = () =>
    server.arrived.filter(({ method }) => method === 'POST').map(({ body }) => deletedBy(body.toString()));

  it.each([
    ['versions', ['v3', 'v2', 'v1']],
    ['a marker that hides them', ['marker3', 'v2', 'v1']],
  ])('of all versions has the newest go after the others: %s', async (_, ids) => {
    server.answers(versioned(ids));
    expect(await storeWith().delete(['key'])).toMatchObject({ deleted: ['key'], failed: [] });
    const [newest, ...older] = ids;
    expect(deletions()).toEqual([older, [newest]]);
  });

  it.each([
    ['fails', 'InternalError', { failed: [{ key: 'key', error: { reason: 'unavailable' } }], retained: [] }],
    ['is locked', 'AccessDenied', { failed: [], retained: ['key'] }],
  ])('of an older version that %s keeps the newest: the older must not take its place', async (_, code, outcome) => {
    server.answers(versioned(['v3', 'v2', 'v1'], { v1: code }));
    const store = storeWith({ retryDelaysMs: [] });
    expect(await store.delete(['key'])).toMatchObject({ deleted: [], missing: [], ...outcome });
    expect(deletions()).toEqual([['v2', 'v1']]);
  });

  it('of a marker that may not be deleted fails for its key only', async () => {
    const sound = versioned(['marker3'], { marker3: 'AccessDenied' });
    server.answers((response, arrived, request) => {
      // A marker has nothing to be looked at.
      if (arrived.method === 'HEAD') response.writeHead(405).end();
      else void sound(response, arrived, request);
    });
    expect(await storeWith().delete(['key'])).toMatchObject({
      retained: [],
      failed: [{ key: 'key', error: { reason: 'denied' } }],
    });
  });

  it('that breaks off between two requests for one object fails, and keeps its newest version', async () => {
    const ids = Array.from({ length: 1500 }, (_, index) => `v${1500 - index}`);
    const sound = versioned(ids);
    server.answers((response, arrived, request) =>
      deletions().length > 1 ? void response.destroy() : sound(response, arrived, request),
    );
    expect(await storeWith().delete(['key'])).toMatchObject({
      deleted: [],
      failed: [{ key: 'key', error: { reason: 'connection' } }],
    });
    expect(deletions().flat()).not.toContain('v1500');
  });

  it('fails for each key where the store does not answer', async () => {
    server.answers((response) => void response.destroy());
    const { deleted, failed } = await storeWith().delete(['a', 'b']);
    expect([deleted, failed.map(({ key }) => key)]).toEqual([[], ['a', 'b']]);
  });
});

describe('a bucket’s address', () => {
  it.each([
    [{ endpoint: 'https://s3.eu-central-1.amazonaws.com', bucket: 'bucket' }, 'bucket.s3.eu-central-1.amazonaws.com'],
    [{ endpoint: 'https://s3.eu-central-1.amazonaws.com', bucket: 'with.dots' }, 's3.eu-central-1.amazonaws.com'],
    [{ endpoint: 'https://s3.example:8443', bucket: 'bucket' }, 's3.example:8443'],
    [{ endpoint: 'https://s3.example', bucket: 'bucket', pathStyle: false }, 'bucket.s3.example'],
  ])('of %j is at %s', async (options, host) => {
    const error: unknown = await storeWith({
      ...options,
      retryDelaysMs: [],
      credentials: () => Promise.reject(new Error()),
    })
      .list('')
      .next()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: 'credentials' });
    const { S3Address, isPathStyleByDefault } = await import('../../../src/stores/s3/s3-address.js');
    const { endpoint, bucket } = options;
    const isPathStyle = 'pathStyle' in options ? options.pathStyle : isPathStyleByDefault(endpoint, bucket);
    expect(new S3Address(endpoint, bucket, isPathStyle).url('a/b c').host).toBe(host);
  });
});

it.each([
  ['endpoint', { endpoint: 'ftp://example' }],
  ['endpoint', { endpoint: 'https://user:secret@example' }],
  ['region', { region: '' }],
  ['bucket', { bucket: 'a/b' }],
  ['credentials', { credentials: { accessKeyId: 'key' } as never }],
  ['stallTimeoutMs', { stallTimeoutMs: 0 }],
  ['stallTimeoutMs', { stallTimeoutMs: 2 ** 31 }],
  ...badPrefixes.map((prefix) => ['options.prefix', { prefix: prefix as never }] as const),
])('refuses a bad %s: %j', (field, options) => {
  expect(() => storeWith(options)).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', field: expect.stringContaining(field) as unknown }),
  );
});
