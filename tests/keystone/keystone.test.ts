import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { SwiftAuth } from '../../src/stores/index.js';
import { manifestOf } from '../../src/testing/backup-service/sample-backup.js';
import { digest } from '../../src/testing/digest.js';
import { bytesPerMiB, newBackup, restored, store as storeBackup } from '../real-stores/support/backups.js';
import { testStoreConformance } from '../real-stores/support/conformance-tests.js';
import { testDriver } from '../real-stores/support/driver-tests.js';
import { freshPlace, type Place, serviceAt, storeAt } from '../real-stores/support/place.js';
import { installed, Server } from '../real-stores/support/server.js';
import { trial } from '../real-stores/support/trial.js';
import { needing } from '../support/needing.js';
import { Administrator } from './administrator.js';

const present = installed('keystone-manage', 'swift-proxy-server', 'swift-object-server', 'memcached', 'curl');
const tokenLifeMs = 180_000;
/** How long Swift takes a token for good that it has seen. */
const seenMs = 11_000;

needing(present, 'keystone, python3-keystonemiddleware and Swift are not installed').describe('Keystone', () => {
  let server: Server;
  let administrator: Administrator;
  let password: Extract<SwiftAuth, { kind: 'keystone' }>;
  let credential: Extract<SwiftAuth, { kind: 'applicationCredential' }>;

  beforeAll(async () => {
    server = await Server.start('keystone', 7);
    const [keystonePort = 0, proxyPort = 0] = server.ports;
    const url = `http://127.0.0.1:${keystonePort}/v3`;
    administrator = await Administrator.login(url);
    await administrator.offerSwift(`http://127.0.0.1:${proxyPort}/v1/AUTH_$(project_id)s`);
    const user = { username: `backup-${randomUUID()}`, password: 'of the "tests" & nobody else' };
    await administrator.addUser(user, 'backups');
    password = { kind: 'keystone', url, ...user, project: 'backups' };
    credential = { kind: 'applicationCredential', url, ...(await administrator.addCredential(password)) };
    await administrator.createContainer(password, 'backups');
  });

  afterAll(() => server[Symbol.asyncDispose]());

  const ways = [
    ['password', () => ({ kind: 'keystone', auth: password, prefix: '' }) as const],
    ['application credential', () => ({ kind: 'keystone', auth: credential, prefix: '' }) as const],
  ] as const;

  for (const [name, place] of ways) {
    const store = `Swift (${name})`;
    testStoreConformance(store, place);
    testDriver(store, place);

    test(`${store}: a backup and a restore, and all tokens revoked`, () =>
      survives(store, place(), 'all tokens revoked', async () => {
        await administrator.revokeAll(password.username);
        await pause(seenMs);
      }));
  }

  test('Swift (password): a backup and a restore, and the token expired', () =>
    survives('Swift (password)', ways[0][1](), 'the token expired', () => pause(1.05 * tokenLifeMs)));

  test('a wrong password, or secret, is told as such, and is in no message', async () => {
    for (const auth of [
      { ...password, password: 'not this one' },
      { ...credential, secret: 'nor this one' },
    ]) {
      const failing = storeAt({ kind: 'keystone', auth, prefix: '', isImpatient: true }).stat('key');
      const error: unknown = await failing.catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'STORE_FAILED', reason: 'credentials', retryable: false });
      expect(String(error)).not.toMatch(/this one/);
    }
  });

  test('a user without a role in the project is told so', async () => {
    const user = { username: `stranger-${randomUUID()}`, password: 'a stranger' };
    await administrator.addUser(user, 'elsewhere');
    const auth = { ...password, ...user };
    const failing = storeBackup(
      serviceAt({ kind: 'keystone', auth, prefix: '', isImpatient: true }),
      newBackup(),
      Buffer.alloc(9),
    );
    await expect(failing).rejects.toMatchObject({ code: 'STORE_FAILED', reason: 'credentials' });
  });
});

/** Backs up and restores, while something happens to the tokens. */
async function survives(store: string, place: Place, fault: string, act: () => Promise<unknown>): Promise<void> {
  const at = await freshPlace(place);
  const service = serviceAt(at);
  const [backup, bytes] = [newBackup(), randomBytes(12 * bytesPerMiB)];
  await trial({ store, operation: 'backup, restore', fault }, at, backup, async () => {
    const writer = await service.openBackup(backup);
    for (let offset = 0; offset < bytes.length; offset += bytesPerMiB) {
      if (offset === 6 * bytesPerMiB) await act();
      await writer.write(bytes.subarray(offset, offset + bytesPerMiB));
    }
    await writer.commit(manifestOf(backup, bytes));
    await act();
    expect(await restored(service, backup)).toBe(digest(bytes));
    return [digest(bytes)];
  });
}
