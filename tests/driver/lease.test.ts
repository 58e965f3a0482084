import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { BackupService } from '../../src/index.js';
import { SoapVimSession } from '../../src/vim/index.js';
import { PassingTime } from '../support/passing-time.js';
import { until } from '../support/until.js';
import { Lab, refusal } from './support/lab.js';
import { sessionWith, writingTo } from './support/services.js';

const seconds = 1000;

/** A session that lets a lease's time pass, and knows when the driver has heard what came of a renewal. */
function renewing(lab: Lab, time: PassingTime) {
  let heard = 0;
  const vim = sessionWith(lab.vim, {
    invoke: (method, ...rest) =>
      lab.vim.invoke(method, ...rest).finally(() => {
        if (method === 'HttpNfcLeaseProgress') heard++;
      }),
  });
  const renewals = async (count: number): Promise<void> => {
    for (const end = heard + count; heard < end;) {
      const before = heard;
      time.pass(75 * seconds); // a quarter of the lease's timeout
      await until(() => heard > before);
    }
  };
  return { vim, renewals };
}

/** A service whose first write takes as long as this does. */
function slowService(wait: () => Promise<void>): BackupService {
  let first = true;
  return writingTo({
    write: async () => {
      if (first) await wait();
      first = false;
    },
  });
}

describe('a lease is kept alive whatever the bytes do', () => {
  test('a service that takes its time: the lease outlives its timeout several times', async () => {
    await using lab = await Lab.start();
    const volume = await lab.addVolume();
    using time = new PassingTime();
    // Nor is a service that takes longer than a peer may taken for one that is dead.
    const { vim, renewals } = renewing(lab, time);
    const driver = lab.driverWith({ vim, service: slowService(() => renewals(12)) });
    const manifest = await driver.backupVolume({ id: 'b', volumeId: volume.id }, volume);
    expect(manifest.streamBytes).toBeGreaterThan(100_000);
    const [lease] = lab.simulator.leases();
    expect(lease).toMatchObject({ state: 'done' });
    expect(lease!.progressReports).toBeGreaterThanOrEqual(12);
    expect(lease!.progress).toBeLessThanOrEqual(99);
  });

  test('likewise on the way back, when the source of the bytes does', async () => {
    await using lab = await Lab.start();
    const volume = await lab.addVolume();
    const backup = { id: 'b', volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);
    using time = new PassingTime();
    const { vim, renewals } = renewing(lab, time);
    const service = {
      ...writingTo({}),
      openRestore: async () => {
        const { stream } = (await lab.service.openRestore?.(backup))!;
        await renewals(12);
        return { stream };
      },
    };
    const driver = lab.driverWith({ vim, service, config: { stallTimeoutMs: 3_600 * seconds } });
    expect(await driver.restoreBackup(backup, volume, { manifest })).toMatchObject({ cleanup: 'done' });
    await lab.expectNothingLeft();
  });

  test('one that cannot be renewed is lost: the backup fails as such and may be tried again', async () => {
    await using lab = await Lab.start();
    const volume = await lab.addVolume();
    using time = new PassingTime();
    const committed: string[] = [];
    let aborted = false;
    const service = writingTo({
      write: async () => {
        time.pass(75 * seconds);
        await until(() => aborted);
      },
      commit: async () => void committed.push('x'),
      abort: async () => void (aborted = true),
    });
    lab.simulator.injectFault({ method: 'HttpNfcLeaseProgress', kind: { fault: 'InvalidState' } });
    const error = await lab.refusedUnchanged(() =>
      lab.driverWith({ service }).backupVolume({ id: 'b', volumeId: volume.id }, volume),
    );
    expect(error).toMatchObject({ code: 'LEASE_FAILED', retryable: true, phase: 'export' });
    expect(committed).toEqual([]);
  });

  test('renewals that get no answer: the server ends the lease, and that is noticed', async () => {
    await using lab = await Lab.start();
    const volume = await lab.addVolume();
    using time = new PassingTime();
    const lease = () => lab.simulator.leases()[0]!;
    const service = slowService(async () => {
      // The server has sent all of it: what fails is the lease, not the transfer.
      await until(() => lease().transfers[0]!.state === 'done');
      for (let i = 0; i < 20; i++) lab.simulator.injectFault({ method: 'HttpNfcLeaseProgress', kind: 'hang' });
      time.pass(301 * seconds);
      await until(() => lease().state === 'error');
    });
    const error = await refusal(() =>
      lab.driverWith({ service }).backupVolume({ id: 'b', volumeId: volume.id }, volume),
    );
    expect(error).toMatchObject({ code: 'LEASE_FAILED', retryable: true });
    expect(lease()).toMatchObject({ state: 'error', error: 'Timedout' });
  });

  test('a renewal that fails once is tried again: the lease lives', async () => {
    await using lab = await Lab.start();
    const volume = await lab.addVolume();
    using time = new PassingTime();
    const { vim, renewals } = renewing(lab, time);
    const service = slowService(() => renewals(5));
    const fault = lab.simulator.injectFault({ method: 'HttpNfcLeaseProgress', kind: 'http-500' });
    const session = lab.simulator.injectFault({ method: 'HttpNfcLeaseProgress', nth: 2, kind: 'session-expired' });
    await lab.driverWith({ vim, service }).backupVolume({ id: 'b', volumeId: volume.id }, volume);
    expect([fault.fired, session.fired]).toEqual([true, true]);
    expect(lab.simulator.leases()[0]).toMatchObject({ state: 'done' });
  });
});

describe("the data path's peer is checked by what the lease says", () => {
  async function backUp(lab: Lab, changes: Partial<ConstructorParameters<typeof SoapVimSession>[0]> = {}) {
    const { host, port, username, password, thumbprint } = lab.simulator;
    await using vim = new SoapVimSession({ host, port, username, password, thumbprint, ...changes });
    await vim.connect();
    const volume = await lab.addVolume();
    const backup = { id: randomUUID(), volumeId: volume.id };
    const driver = lab.driverWith({ vim });
    await driver.backupVolume(backup, volume);
    return await driver.restoreBackup(backup, volume);
  }

  test.each(['sha1', 'sha256'] as const)('its %s thumbprint', async (leaseThumbprint) => {
    await using lab = await Lab.start({ simulator: { leaseThumbprint } });
    expect(await backUp(lab)).toMatchObject({ cleanup: 'done' });
  });

  test('no thumbprint: by the CA the session trusts; a pin of another server is no reason to trust it', async () => {
    await using lab = await Lab.start({ simulator: { leaseThumbprint: 'none' } });
    expect(await backUp(lab, { thumbprint: undefined, ca: lab.simulator.ca })).toMatchObject({ cleanup: 'done' });
    const error = await refusal(() => backUp(lab));
    expect(error).toMatchObject({ code: 'TLS_VERIFICATION_FAILED', retryable: false });
    await lab.expectNothingLeft();
  });

  test('no thumbprint from a host that is the session’s own server: by its pin', async () => {
    await using lab = await Lab.start({ simulator: { mode: 'esxi', leaseThumbprint: 'none' } });
    expect(await backUp(lab)).toMatchObject({ cleanup: 'done' });
  });

  test('another thumbprint than the peer has: not a byte is sent, export or import', async () => {
    await using lab = await Lab.start();
    const volume = await lab.addVolume();
    const backup = { id: 'b', volumeId: volume.id };
    await lab.driver.backupVolume(backup, volume);
    const wrong = Array<string>(20).fill('AB').join(':');
    const vim = sessionWith(lab.vim, {
      download: (url, options) => lab.vim.download(url, { ...options, thumbprint: wrong }),
      upload: (url, source, options) => lab.vim.upload(url, source, { ...options, thumbprint: wrong }),
    });
    const driver = lab.driverWith({ vim });
    for (const operate of [
      () => driver.backupVolume({ ...backup, id: 'c' }, volume),
      () => driver.restoreBackup(backup, volume),
    ]) {
      expect(await lab.refusedUnchanged(operate)).toMatchObject({ code: 'TLS_VERIFICATION_FAILED', expected: wrong });
      expect(lab.simulator.leases().at(-1)!.transfers).toMatchObject([{ bytes: 0 }]);
    }
  });

  test.each(['*', '*:port'] as const)('an ESXi host that writes %s for itself', async (leaseUrlHost) => {
    await using lab = await Lab.start({ simulator: { mode: 'esxi', leaseUrlHost } });
    expect(await backUp(lab)).toMatchObject({ cleanup: 'done' });
  });

  test('over IPv6', async () => {
    await using lab = await Lab.start({ simulator: { mode: 'esxi', host: '::1' } });
    expect(await backUp(lab)).toMatchObject({ cleanup: 'done' });
  });
});
