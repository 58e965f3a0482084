import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { S3ObjectStore, SwiftObjectStore } from '../../../src/stores/index.js';
import { type Answer, HttpDouble } from '../support/http-double.js';
import { SwiftDouble } from '../swift/swift-double.js';

/** As a server or proxy answers that takes the request for one of a WebSocket. It keeps the connection. */
const switchesProtocols: Answer = (response) => {
  response.socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
};

let server: HttpDouble;
let swift: SwiftDouble;

beforeEach(async () => {
  server = await HttpDouble.start(switchesProtocols);
  swift = await SwiftDouble.start();
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await swift[Symbol.asyncDispose]();
});

it.each<readonly [string, (store: S3ObjectStore) => Promise<unknown>]>([
  ['look', (store) => store.stat('key')],
  ['put', (store) => store.put('key', Buffer.from('x'))],
  ['large put', (store) => store.put('key', Buffer.alloc(2 * 1024 * 1024))],
  ['get', (store) => store.get('key')],
])('a %s that is answered by another protocol is an error, and not waited for', async (_, call) => {
  const store = new S3ObjectStore({
    endpoint: server.url,
    region: 'any',
    bucket: 'bucket',
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
    retryDelaysMs: [],
  });
  await expect(call(store)).rejects.toMatchObject({
    code: 'STORE_FAILED',
    reason: 'connection',
    retryable: true,
    message: expect.stringContaining('closed without an answer') as unknown,
  });
});

it('a login that is answered by another protocol keeps nobody from the next', async () => {
  swift.loginAnswers = switchesProtocols;
  const auth = { kind: 'tempauth', url: `${swift.server.url}/auth/v1.0`, user: 'a:b', key: 'secret' } as const;
  const store = new SwiftObjectStore({ auth, container: 'container', retryDelaysMs: [] });
  await expect(store.stat('key')).rejects.toMatchObject({ reason: 'connection' });
  swift.loginAnswers = undefined;
  await store.put('key', Buffer.from('x'));
  expect(swift.objects.size).toBe(1);
});
