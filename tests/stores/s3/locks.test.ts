import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { S3ObjectStore } from '../../../src/stores/index.js';
import { type Answer, HttpDouble, status } from '../support/http-double.js';

let server: HttpDouble;
let store: S3ObjectStore;
const bytes = Buffer.from('content');
const dayMs = 24 * 60 * 60 * 1000;
/** What S3 keeps of a time. */
const inDays = (days: number) => new Date(Math.ceil((Date.now() + days * dayMs) / 1000) * 1000);

/** A lock as a HEAD tells it. */
interface Lock {
  readonly mode: string;
  readonly until: Date;
}

/** What a bucket answers that has the object, locked or not, and puts each as the version 2. */
const bucket =
  (lockNow: () => Lock | undefined): Answer =>
  (response, { method }) => {
    if (method === 'PUT') response.setHeader('x-amz-version-id', '2');
    if (method === 'HEAD') {
      const { mode, until } = lockNow() ?? {};
      response.setHeader('content-length', bytes.length).setHeader('last-modified', new Date().toUTCString());
      response.setHeader('x-amz-version-id', '1');
      if (mode !== undefined) response.setHeader('x-amz-object-lock-mode', mode);
      if (until !== undefined) response.setHeader('x-amz-object-lock-retain-until-date', until.toISOString());
    }
    response.end();
  };

/** A bucket that has the object, and changes its lock as servers do. */
function lockingBucket(first: Lock, refuse = status(403, '<Error><Code>AccessDenied</Code></Error>')) {
  const state = { lock: first, answer: undefined as unknown as Answer };
  const told = bucket(() => state.lock);
  state.answer = (response, arrived, request) => {
    const { method, url, body, headers } = arrived;
    if (method === 'PUT' && url === '/bucket/key?retention=&versionId=1') {
      const [, mode = '', date = ''] = /<Mode>(\w+)<.*<RetainUntilDate>(.+)<\/R.+</.exec(body.toString()) ?? [];
      const until = new Date(date);
      const mayEnd = state.lock.mode === 'GOVERNANCE' && headers['x-amz-bypass-governance-retention'] === 'true';
      if ((until < state.lock.until || mode !== state.lock.mode) && !mayEnd) return refuse(response, arrived, request);
      state.lock = { mode, until };
    }
    return told(response, arrived, request);
  };
  return state;
}

beforeEach(async () => {
  server = await HttpDouble.start(bucket(() => undefined));
  store = new S3ObjectStore({
    endpoint: server.url,
    region: 'eu-central-1',
    bucket: 'bucket',
    credentials: { accessKeyId: 'key', secretAccessKey: 'the-secret-access-key' },
    retryDelaysMs: [],
  });
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

describe('a put with a lock', () => {
  it('asks for one that nobody can end', async () => {
    const retainUntil = inDays(1);
    server.answers(bucket(() => ({ mode: 'COMPLIANCE', until: retainUntil })));
    await store.put('key', bytes, { retainUntil });
    expect(server.arrived[0]!.headers).toMatchObject({
      'x-amz-object-lock-mode': 'COMPLIANCE',
      'x-amz-object-lock-retain-until-date': retainUntil.toISOString().replace('.000', ''),
    });
    expect(server.asked).toEqual(['PUT /bucket/key', 'HEAD /bucket/key?versionId=2']);
  });

  it.each([
    ['none', undefined],
    ['a shorter one', { mode: 'COMPLIANCE', until: inDays(1) }],
    ['one that somebody can end', { mode: 'GOVERNANCE', until: inDays(30) }],
    ['one of no mode', { mode: '', until: inDays(30) }],
  ])('of which the store keeps %s is no success, and its version alone goes', async (_, lock) => {
    server.answers(bucket(() => lock));
    await expect(store.put('key', bytes, { retainUntil: inDays(14) })).rejects.toMatchObject({
      reason: 'no-retention',
    });
    expect(server.asked.slice(2)).toEqual(['DELETE /bucket/key?versionId=2']);
  });
});

describe('a lock that is extended', () => {
  it('stays as it is where nobody can end it sooner', async () => {
    server.answers(bucket(() => ({ mode: 'COMPLIANCE', until: inDays(30) })));
    await store.extendRetention('key', inDays(14));
    expect(server.asked).toEqual(['HEAD /bucket/key']);
  });

  it.each([
    ['and is not shortened', 30, 14],
    ['and lasts longer', 14, 30],
  ])('by a bucket’s default in a mode that somebody can end gets the other mode, %s', async (_, has, wants) => {
    const [first, wanted] = [inDays(has), inDays(wants)];
    const locks = lockingBucket({ mode: 'GOVERNANCE', until: first });
    server.answers(locks.answer);
    await store.extendRetention('key', wanted);
    expect(locks.lock).toEqual({ mode: 'COMPLIANCE', until: first > wanted ? first : wanted });
  });

  it.each([
    [403, 'AccessDenied'],
    [400, 'InvalidRequest'],
  ])('by somebody else meanwhile, and for longer, stays as it is: a refusal with %d %s is none', async (code, name) => {
    const later = { mode: 'COMPLIANCE', until: inDays(30) };
    const locks = lockingBucket(
      { mode: 'COMPLIANCE', until: inDays(1) },
      status(code, `<Error><Code>${name}</Code></Error>`),
    );
    server.answers(async (...args) => {
      await locks.answer(...args);
      locks.lock = later;
    });
    await store.extendRetention('key', inDays(14));
    expect(locks.lock).toEqual(later);
  });

  it('by somebody else meanwhile, and for less long, is still refused', async () => {
    const locks = lockingBucket({ mode: 'COMPLIANCE', until: inDays(1) });
    server.answers(async (...args) => {
      const { method } = args[1];
      await (method === 'PUT' ? status(403, '<Error><Code>AccessDenied</Code></Error>') : locks.answer)(...args);
      locks.lock = { mode: 'COMPLIANCE', until: inDays(7) };
    });
    await expect(store.extendRetention('key', inDays(14))).rejects.toMatchObject({ reason: 'denied' });
  });

  it('and stays one that somebody can end is an error', async () => {
    server.answers(bucket(() => ({ mode: 'GOVERNANCE', until: inDays(30) })));
    await expect(store.extendRetention('key', inDays(14))).rejects.toMatchObject({ reason: 'no-retention' });
  });
});

describe.each([
  ['a put', (key: string) => store.put(key, bytes, { retainUntil: inDays(1) })],
  ['an extension', (key: string) => store.extendRetention(key, inDays(1))],
])('%s of a lock that is refused', (_, lock) => {
  it.each([
    [400, 'InvalidRequest', 'no-retention'],
    [404, 'ObjectLockConfigurationNotFoundError', 'no-retention'],
    [501, 'NotImplemented', 'no-retention'],
    [501, '', 'no-retention'],
    [400, 'ExpiredToken', 'credentials'],
    [400, 'BadDigest', 'integrity'],
    [400, 'RequestTimeout', 'connection'],
    [400, 'InvalidArgument', 'failed'],
    [400, '', 'failed'],
    [403, 'AccessDenied', 'denied'],
  ])('with %d %s is told as %s, whatever the key is called', async (code, name, reason) => {
    const refuse = status(code, `<Error><Code>${name}</Code><Message>because</Message></Error>`);
    const there = bucket(() => undefined);
    server.answers((...args) => (args[1].method === 'HEAD' ? there : refuse)(...args));
    await expect(lock('ObjectLock/InvalidRequest')).rejects.toMatchObject({
      code: 'STORE_FAILED',
      reason,
      status: code,
      message: expect.stringContaining(name) as unknown,
    });
    expect(server.asked.filter((asked) => asked.startsWith('DELETE'))).toEqual([]);
  });
});
