import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ObjectBackupService } from '../../../src/services/index.js';
import { type SwiftAuth, SwiftObjectStore } from '../../../src/stores/index.js';
import { manifestOf } from '../../../src/testing/backup-service/sample-backup.js';
import type { Answer } from '../support/http-double.js';
import { type Endpoint, KeystoneDouble } from './keystone-double.js';
import { SwiftDouble } from './swift-double.js';

let keystone: KeystoneDouble;
let swift: SwiftDouble;

beforeEach(async () => {
  keystone = new KeystoneDouble();
  swift = await SwiftDouble.start(keystone);
  keystone.endpoints.push(endpoint());
});

afterEach(async () => {
  jest.restoreAllMocks();
  await swift[Symbol.asyncDispose]();
});

const endpoint = (changes: Partial<Endpoint> = {}): Endpoint => ({
  interface: 'public',
  region: 'one',
  url: `${swift.server.url}/v1/AUTH_x`,
  ...changes,
});
const byPassword = (changes: object = {}): SwiftAuth => ({
  kind: 'keystone',
  url: `${swift.server.url}/v3`,
  username: keystone.user.name,
  password: keystone.user.password,
  userDomain: keystone.user.domain,
  project: keystone.project.name,
  projectDomain: keystone.project.domain,
  ...changes,
});
const byCredential = (changes: object = {}): SwiftAuth => ({
  kind: 'applicationCredential',
  url: swift.server.url,
  ...keystone.credential,
  ...changes,
});
const storeWith = (auth: SwiftAuth) => new SwiftObjectStore({ auth, container: 'container', retryDelaysMs: [1, 1, 1] });

const ways = [
  ['password', byPassword],
  ['application credential', byCredential],
] as const;

const segmentBytes = 256 * 1024;
const backup = { id: 'backup-1', volumeId: 'volume-1' };
const bytes = randomBytes(8 * segmentBytes + 1);

async function storeBackup(store: SwiftObjectStore): Promise<void> {
  const writer = await new ObjectBackupService({ store, segmentBytes }).openBackup(backup);
  for (let offset = 0; offset < bytes.length; offset += segmentBytes) {
    await writer.write(bytes.subarray(offset, offset + segmentBytes));
  }
  await writer.commit(manifestOf(backup, bytes));
}

async function restore(store: SwiftObjectStore): Promise<Buffer> {
  return buffer((await new ObjectBackupService({ store, segmentBytes }).openRestore(backup)).stream);
}

/** Ends all tokens once so many requests for segments have arrived. */
function expireAt(request: number): void {
  const answer = swift.sound;
  let seen = 0;
  const counting: Answer = (...args) => {
    const isSegment = args[1].url.includes('/data/');
    if (isSegment && ++seen === request) keystone.revokeAll();
    // It is checked at the start of a request only.
    return answer(...args);
  };
  swift.answers = counting;
}

describe.each(ways)('a login by %s', (_, auth) => {
  it('is enough for a backup and a restore, which take one each', async () => {
    await storeBackup(storeWith(auth()));
    expect(keystone.logins).toBe(1);
    expect((await restore(storeWith(auth()))).equals(bytes)).toBe(true);
    expect(keystone.logins).toBe(2);
  });

  it('is made anew where the token ends in the middle of a backup, once for all its requests', async () => {
    const store = storeWith(auth());
    expireAt(4);
    await storeBackup(store);
    expect(keystone.mostAtOnce).toBe(1);
    // Requests that were on their way with the old token are refused as well, and wait for the same login.
    expect(keystone.logins).toBe(2);
    expect(swift.refused).toBeGreaterThan(0);
    swift.answers = undefined;
    expect((await restore(storeWith(auth()))).equals(bytes)).toBe(true);
  });

  it('is made anew where the token ends in the middle of a restore', async () => {
    await storeBackup(storeWith(auth()));
    const store = storeWith(auth());
    expireAt(4);
    expect((await restore(store)).equals(bytes)).toBe(true);
    expect(keystone.logins).toBe(3);
    expect(keystone.mostAtOnce).toBe(1);
  });

  it('is made anew before its token ends, and nothing is refused', async () => {
    const store = storeWith(auth());
    await store.put('key', Buffer.from('x'));
    // Four minutes of its hour are left.
    const now = Date.now;
    jest.spyOn(Date, 'now').mockImplementation(() => now() + 56 * 60_000);
    await Promise.all([1, 2, 3, 4].map((n) => store.put(`key-${n}`, Buffer.from('x'))));
    expect(keystone.logins).toBe(2);
    expect(keystone.mostAtOnce).toBe(1);
    expect(swift.refused).toBe(0);
  });

  it('fails a backup in the middle where it is refused by then, and leaves the one before', async () => {
    const other = storeWith(auth());
    await storeBackup(other);
    const store = storeWith(auth());
    expireAt(3);
    swift.loginAnswers = (...args) => (keystone.logins < 2 ? keystone.answer(...args) : refusal(...args));
    await expect(storeBackup(store)).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'credentials' });
    swift.answers = undefined;
    swift.loginAnswers = undefined;
    expect((await restore(storeWith(auth()))).equals(bytes)).toBe(true);
  });
});

const refusal: Answer = (response) =>
  void response.writeHead(401).end(JSON.stringify({ error: { code: 401, message: 'The account is locked.' } }));

it.each([
  ['password', () => byPassword({ password: 'another-secret' })],
  ['domain', () => byPassword({ userDomain: 'Default' })],
  ['project', () => byPassword({ project: 'another' })],
  ['secret of an application credential', () => byCredential({ secret: 'another-secret' })],
])('a wrong %s is refused, once, and not told', async (_, auth) => {
  const error: unknown = await storeWith(auth())
    .stat('key')
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'STORE_FAILED', reason: 'credentials', status: 401 });
  expect(String(error) + JSON.stringify(error)).not.toContain('another-secret');
  expect(keystone.logins).toBe(1);
});

it('takes the endpoint of region and interface', async () => {
  const nowhere = 'http://127.0.0.1:1/v1/AUTH_x';
  keystone.endpoints.splice(
    0,
    Infinity,
    endpoint({ url: nowhere }),
    endpoint({ interface: 'internal', url: nowhere }),
    endpoint({ region: 'two', url: nowhere }),
    endpoint({ region: 'two', interface: 'internal' }),
  );
  await storeWith(byCredential({ region: 'two', interface: 'internal' })).put('key', Buffer.from('x'));
  expect([...swift.objects.keys()]).toEqual(['key']);
  await expect(storeWith(byCredential({ interface: 'internal' })).stat('key')).rejects.toThrow('auth.region');
  await expect(storeWith(byCredential({ region: 'two', interface: 'admin' })).stat('key')).rejects.toThrow(
    'no object-store with the interface admin',
  );
});
