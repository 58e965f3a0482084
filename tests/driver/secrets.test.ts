import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { expect, test } from '@jest/globals';
import type { Logger } from '../../src/index.js';
import { SoapVimSession } from '../../src/vim/index.js';
import { bytesPerGiB, Lab, refusal } from './support/lab.js';
import { serviceOf, sessionWith } from './support/services.js';

test('neither errors nor logs nor manifests ever hold the password, a session cookie or an NFC ticket', async () => {
  const password = `pass-${randomUUID()}`;
  const said: string[] = [];
  const say = (fields: object, message: string) =>
    void said.push(`${message} ${inspect(fields, { depth: 20, showHidden: true })} ${JSON.stringify(fields)}`);
  const logger: Logger = { debug: say, info: say, warn: say, error: say };
  await using lab = await Lab.start({ simulator: { password } });
  const { host, port, username, thumbprint } = lab.simulator;
  await using vim = new SoapVimSession({ host, port, username, password, thumbprint, logger });
  await vim.connect();

  // What must not be said: tickets are seen in URLs, keys of sessions are their cookies.
  const secrets = new Set([password]);
  const watched = sessionWith(vim, {
    download: (url, options) => {
      secrets.add(/\/nfc\/([^/]+)\//.exec(url)?.[1] ?? 'no ticket');
      return vim.download(url, options);
    },
    upload: (url, source, options) => {
      secrets.add(/\/nfc\/([^/]+)\//.exec(url)?.[1] ?? 'no ticket');
      return vim.upload(url, source, options);
    },
  });
  const driver = lab.driverWith({ vim: watched, logger });
  const impatient = lab.driverWith({ vim: watched, logger, config: { stallTimeoutMs: 500 } });
  const volume = await lab.addVolume();
  const backup = { id: 'good', volumeId: volume.id };
  const manifest = await driver.backupVolume(backup, volume);
  said.push(JSON.stringify(manifest));

  const again = () => driver.backupVolume({ ...backup, id: 'bad' }, volume);
  const back = () => driver.restoreBackup(backup, volume);
  const { simulator } = lab;
  const scenarios: [string, () => void, () => Promise<unknown>][] = [
    ['export 500', () => simulator.injectTransferFault({ direction: 'export', kind: 'status' }), again],
    ['export reset', () => simulator.injectTransferFault({ direction: 'export', kind: 'reset', atByte: 900 }), again],
    [
      'export stall',
      () => simulator.injectTransferFault({ direction: 'export', kind: 'stall', atByte: 900 }),
      () => impatient.backupVolume({ ...backup, id: 'bad' }, volume),
    ],
    ['export corrupt', () => simulator.injectTransferFault({ direction: 'export', kind: 'corrupt' }), again],
    ['import 500', () => simulator.injectTransferFault({ direction: 'import', kind: 'status' }), back],
    ['import reset', () => simulator.injectTransferFault({ direction: 'import', kind: 'reset', atByte: 900 }), back],
    [
      'lease refused',
      () => simulator.injectFault({ method: 'HttpNfcLeaseComplete', kind: { fault: 'InvalidState' } }),
      again,
    ],
    ['reply lost', () => simulator.injectFault({ method: 'ExportVm', when: 'after', kind: 'reset' }), again],
    ['page for SOAP', () => simulator.injectFault({ method: 'ImportVApp', kind: 'http-500' }), back],
    [
      'expired and back',
      () => simulator.injectFault({ method: 'ImportVApp', kind: 'session-expired' }),
      async () => {
        await back();
        throw await refusal(() => driver.restoreBackup({ ...backup, id: 'missing' }, volume));
      },
    ],
    [
      'bad stream',
      () => undefined,
      () =>
        lab.driverWith({ vim: watched, logger, service: serviceOf(Buffer.from('x')) }).restoreBackup(backup, volume),
    ],
    [
      'wrong password',
      () => undefined,
      () => new SoapVimSession({ host, port, username, password: `${password}-wrong`, thumbprint, logger }).connect(),
    ],
    [
      'too small',
      () => undefined,
      () => driver.restoreBackup(backup, volume, { manifest: { ...manifest, capacityBytes: 9 * bytesPerGiB } }),
    ],
  ];
  for (const [name, prepare, operate] of scenarios) {
    for (const { key } of simulator.sessions()) secrets.add(key);
    prepare();
    const error = await refusal(operate);
    for (const { key } of simulator.sessions()) secrets.add(key);
    expect([name, typeof error.code]).toEqual([name, 'string']);
    said.push(inspect(error, { depth: 20, showHidden: true }), JSON.stringify(error), error.stack ?? '', String(error));
    simulator.clearFaults();
  }
  said.push(inspect(vim, { depth: 20, showHidden: true }), inspect(driver, { depth: 20 }), JSON.stringify(vim));

  expect(secrets.size).toBeGreaterThan(8);
  expect(secrets).not.toContain('no ticket');
  const all = said.join('\n');
  expect([...secrets].filter((secret) => all.includes(secret))).toEqual([]);
});
