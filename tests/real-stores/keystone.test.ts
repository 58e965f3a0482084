import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ObjectBackupService } from '../../src/services/index.js';
import { SwiftObjectStore, type SwiftAuth } from '../../src/stores/index.js';
import { digest } from '../../src/testing/digest.js';
import { needing } from '../support/needing.js';
import { bytesPerMiB, newBackup, restored, store as storeBackup } from './support/backups.js';
import { installed, Server } from './support/server.js';

const present = installed('swift-proxy-server', 'memcached', 'curl', 'keystone-manage');
const reason = 'keystone and python3-keystonemiddleware are not installed, which is done by hand';

needing(present, reason).describe('Keystone itself', () => {
  let swift: Server;
  let keystone: Server;
  let url: string;
  let byPassword: SwiftAuth & { kind: 'keystone' };
  let byCredential: SwiftAuth & { kind: 'applicationCredential' };

  beforeAll(async () => {
    swift = await Server.start('swift', 5);
    keystone = await Server.start('keystone', 2, { SWIFT_DIRECTORY: swift.directory });
    const [port = 0] = keystone.ports;
    url = `http://127.0.0.1:${port}/v3`;
    byPassword = { kind: 'keystone', url, username: 'admin', password: 'admin', project: 'admin' };
    const { token, user, storageUrl } = await login();
    const made = await fetch(`${storageUrl}/backups`, { method: 'PUT', headers: { 'x-auth-token': token } });
    expect(made.status).toBe(201);
    byCredential = { kind: 'applicationCredential', url, ...(await credential(token, user)) };
  });

  afterAll(async () => {
    await keystone[Symbol.asyncDispose]();
    await swift[Symbol.asyncDispose]();
  });

  test.each([
    ['password', () => byPassword],
    [
      'password, the endpoint of a region and an interface',
      () => ({ ...byPassword, region: 'RegionOne', interface: 'internal' }) as const,
    ],
    ['application credential', () => byCredential],
  ])('a backup and a restore by %s', async (_, auth) => {
    const service = new ObjectBackupService({ store: new SwiftObjectStore({ auth: auth(), container: 'backups' }) });
    const backup = newBackup();
    const bytes = randomBytes(40 * bytesPerMiB);
    await storeBackup(service, backup, bytes);
    expect(await restored(service, backup)).toBe(digest(bytes));
    await service.delete(backup);
  });

  test('a token that is revoked is replaced', async () => {
    const tokens: string[] = [];
    const get = async () => {
      const { token, storageUrl } = await login();
      tokens.push(token);
      return { token, storageUrl };
    };
    const store = new SwiftObjectStore({ auth: { kind: 'token', get }, container: 'backups' });
    await store.put('key', randomBytes(10));
    const headers = { 'x-auth-token': tokens[0]!, 'x-subject-token': tokens[0]! };
    expect((await fetch(`${url}/auth/tokens`, { method: 'DELETE', headers })).status).toBe(204);
    // The proxy remembers for a second that it was good.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await store.put('key', randomBytes(10));
    expect(tokens).toHaveLength(2);
    await store.delete(['key']);
  });

  const json = { 'content-type': 'application/json' };

  async function login() {
    const domain = { id: 'default' };
    const answer = await fetch(`${url}/auth/tokens`, {
      method: 'POST',
      headers: json,
      body: JSON.stringify({
        auth: {
          identity: { methods: ['password'], password: { user: { name: 'admin', domain, password: 'admin' } } },
          scope: { project: { name: 'admin', domain } },
        },
      }),
    });
    const { token } = (await answer.json()) as { token: { user: { id: string }; project: { id: string } } };
    return {
      token: answer.headers.get('x-subject-token') ?? '',
      user: token.user.id,
      storageUrl: `http://127.0.0.1:${keystone.ports[1]}/v1/AUTH_${token.project.id}`,
    };
  }

  async function credential(token: string, user: string) {
    const answer = await fetch(`${url}/users/${user}/application_credentials`, {
      method: 'POST',
      headers: { ...json, 'x-auth-token': token },
      body: JSON.stringify({ application_credential: { name: 'backups' } }),
    });
    const { application_credential: made } = (await answer.json()) as {
      application_credential: { id: string; secret: string };
    };
    return { id: made.id, secret: made.secret };
  }
});
