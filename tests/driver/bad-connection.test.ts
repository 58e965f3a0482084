import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SoapVimSession, type SoapVimSessionOptions, type VimSession } from '../../src/vim/index.js';
import { PassingTime } from '../support/passing-time.js';
import { Lab, refusal } from './support/lab.js';
import { sessionWith } from './support/services.js';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start();
});
afterAll(() => lab[Symbol.asyncDispose]());

function session(changes: Partial<SoapVimSessionOptions>): SoapVimSession {
  const { host, port, username, password, thumbprint } = lab.simulator;
  return new SoapVimSession({ host, port, username, password, thumbprint, ...changes });
}

describe('a vCenter that cannot be used: typed, and nothing changed', () => {
  test('wrong password', async () => {
    await using vim = session({ password: 'wrong-secret' });
    const error = await lab.refusedUnchanged(() => vim.connect());
    expect(error).toMatchObject({ code: 'INVALID_LOGIN', retryable: false });
    expect(error.message).not.toContain('wrong-secret');
  });

  test('wrong user name', async () => {
    await using vim = session({ username: 'nobody' });
    expect(await lab.refusedUnchanged(() => vim.connect())).toMatchObject({ code: 'INVALID_LOGIN' });
  });

  test.each([
    ['SHA-1', 20],
    ['SHA-256', 32],
  ])('wrong thumbprint (%s): told what was expected and what came; the password was not sent', async (_form, bytes) => {
    const thumbprint = Array<string>(bytes).fill('AB').join(':');
    await using vim = session({ thumbprint });
    const calls = lab.simulator.calls().length;
    const error = await lab.refusedUnchanged(() => vim.connect());
    const { thumbprint: sha1, thumbprintSha256 } = lab.simulator;
    expect(error).toMatchObject({
      code: 'TLS_VERIFICATION_FAILED',
      expected: thumbprint,
      actual: bytes === 20 ? sha1 : thumbprintSha256,
      retryable: false,
    });
    expect(lab.simulator.calls()).toHaveLength(calls);
  });

  test('neither thumbprint nor CA: the certificate of an unknown authority is refused', async () => {
    await using vim = session({ thumbprint: undefined });
    expect(await lab.refusedUnchanged(() => vim.connect())).toMatchObject({ code: 'TLS_VERIFICATION_FAILED' });
  });

  test('unreachable host', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    await using vim = session({ port });
    expect(await refusal(() => vim.connect())).toMatchObject({
      code: 'VIM_CONNECTION_FAILED',
      outcome: 'not-sent',
      retryable: true,
    });
  });

  test('a driver on a session that was never connected, or is no more', async () => {
    await using vim = session({});
    const driver = lab.driverWith({ vim });
    const volume = { id: randomUUID(), size: 1 };
    const backup = { id: 'b', volumeId: volume.id };
    for (const operate of [() => driver.backupVolume(backup, volume), () => driver.restoreBackup(backup, volume)]) {
      expect(await lab.refusedUnchanged(operate)).toMatchObject({ code: 'VIM_CONNECTION_FAILED' });
    }
    await vim.connect();
    await vim.disconnect();
    expect(await lab.refusedUnchanged(() => driver.backupVolume(backup, volume))).toMatchObject({
      code: 'VIM_CONNECTION_FAILED',
    });
  });

  test('a session that is disconnected under a running operation, at any moment', async () => {
    await using lab = await Lab.start();
    using time = new PassingTime();
    const volume = await lab.addVolume();
    const backup = { id: 'b', volumeId: volume.id };
    await lab.driver.backupVolume(backup, volume);
    for (const calls of [0, 1, 2, 5, 12, 20]) {
      const { host, port, username, password, thumbprint } = lab.simulator;
      await using vim = new SoapVimSession({ host, port, username, password, thumbprint });
      await vim.connect();
      const from = lab.simulator.calls().length;
      const end = lab.simulator.onCall(({ phase }) => {
        if (phase === 'before' && lab.simulator.calls().length >= from + calls) void vim.disconnect();
      });
      if (calls === 0) queueMicrotask(() => void vim.disconnect());
      const error = await refusal(() => lab.driverWith({ vim }).restoreBackup(backup, volume));
      end();
      expect(error.code).toBe('VIM_CONNECTION_FAILED');
      // Nobody is left who could end the lease.
      time.pass(301_000);
      await lab.driver.recover({ olderThanMs: 0 });
    }
    expect(lab.simulator.vms()).toHaveLength(1);
  });
});

describe('a session that answers nonsense: typed, and nothing changed', () => {
  /** A session that answers so to some methods, or to all. */
  const odd = (answer: unknown, methods?: readonly string[]): VimSession =>
    sessionWith(lab.vim, {
      invoke: ((...args: Parameters<VimSession['invoke']>) =>
        methods?.includes(args[0]) === false
          ? lab.vim.invoke(...args)
          : Promise.resolve(answer)) as VimSession['invoke'],
    });

  test.each<[unknown]>([[undefined], [0], ['x'], [{}], [[null]], [{ objects: [{}] }]])(
    'to every call: %j',
    async (answer) => {
      const driver = lab.driverWith({ vim: odd(answer) });
      const volume = { id: randomUUID(), size: 1 };
      const backup = { id: 'b', volumeId: volume.id };
      for (const operate of [
        () => driver.backupVolume(backup, volume),
        () => driver.restoreBackup(backup, volume),
        () => driver.extendVolume(volume, 2),
        () => driver.recover(),
      ]) {
        await lab.refusedUnchanged(operate);
      }
    },
  );

  test.each([
    ['FindAllByUuid'],
    ['RetrievePropertiesEx'],
    ['ExportVm'],
    ['CreatePropertyCollector'],
    ['CreateFilter'],
    ['WaitForUpdatesEx'],
    ['HttpNfcLeaseGetManifest'],
  ])('to %s', async (method) => {
    using time = new PassingTime();
    const volume = await lab.addVolume();
    const driver = lab.driverWith({ vim: odd([null], [method]) });
    await refusal(() => driver.backupVolume({ id: 'b', volumeId: volume.id }, volume));
    // A lease nobody knows of ends by its time.
    time.pass(301_000);
    await lab.expectNothingLeft();
    await lab.simulator.removeVm(lab.vmOf(volume).name);
  });
});
