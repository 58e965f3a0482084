import { describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { SoapVimSession } from '../../src/vim/index.js';
import { Lab, refusal } from './support/lab.js';
import { sessionWith, writingTo } from './support/services.js';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a lease is kept alive whatever the bytes do', () => {
  test('a service that takes its time: the lease outlives its timeout several times', async () => {
    await using lab = await Lab.start({ simulator: { leaseTimeoutSeconds: 3 } });
    const volume = await lab.addVolume();
    let paused = false;
    const service = writingTo({
      write: async () => {
        if (!paused) await pause(10_000);
        paused = true;
      },
    });
    // Nor is a service that takes longer than a peer may taken for one that is dead.
    const driver = lab.driverWith({ service, config: { stallTimeoutMs: 3_000 } });
    const manifest = await driver.backupVolume({ id: 'b', volumeId: volume.id }, volume);
    expect(manifest.streamBytes).toBeGreaterThan(100_000);
    const [lease] = lab.simulator.leases();
    expect(lease).toMatchObject({ state: 'done' });
    expect(lease!.progressReports).toBeGreaterThanOrEqual(4);
    expect(lease!.progress).toBeLessThanOrEqual(99);
  });

  test('likewise on the way back, when the source of the bytes does', async () => {
    await using lab = await Lab.start({ simulator: { leaseTimeoutSeconds: 3 } });
    const volume = await lab.addVolume();
    const backup = { id: 'b', volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);
    const service = {
      ...writingTo({}),
      openRestore: async () => {
        const { stream } = (await lab.service.openRestore?.(backup))!;
        await pause(9_000);
        return { stream };
      },
    };
    expect(await lab.driverWith({ service }).restoreBackup(backup, volume, { manifest })).toMatchObject({
      cleanup: 'done',
    });
    await lab.expectNothingLeft();
  });

  test('one that cannot be renewed is lost: the backup fails as such and may be tried again', async () => {
    await using lab = await Lab.start({ simulator: { leaseTimeoutSeconds: 1 } });
    const volume = await lab.addVolume();
    const committed: string[] = [];
    const service = writingTo({ write: () => pause(400) as never, commit: async () => void committed.push('x') });
    lab.simulator.injectFault({ method: 'HttpNfcLeaseProgress', kind: { fault: 'InvalidState' } });
    const error = await lab.refusedUnchanged(() =>
      lab.driverWith({ service }).backupVolume({ id: 'b', volumeId: volume.id }, volume),
    );
    expect(error).toMatchObject({ code: 'LEASE_FAILED', retryable: true, phase: 'export' });
    expect(committed).toEqual([]);
  });

  test('renewals that get no answer: the server ends the lease, and that is noticed', async () => {
    await using lab = await Lab.start({ simulator: { leaseTimeoutSeconds: 1 } });
    const volume = await lab.addVolume();
    const service = writingTo({ write: () => pause(700) as never });
    for (let i = 0; i < 20; i++) lab.simulator.injectFault({ method: 'HttpNfcLeaseProgress', kind: 'hang' });
    const error = await refusal(() =>
      lab.driverWith({ service }).backupVolume({ id: 'b', volumeId: volume.id }, volume),
    );
    expect(error).toMatchObject({ code: 'LEASE_FAILED', retryable: true });
    expect(lab.simulator.leases()[0]).toMatchObject({ state: 'error', error: 'Timedout' });
  });

  test('a renewal that fails once is tried again: the lease lives', async () => {
    await using lab = await Lab.start({ simulator: { leaseTimeoutSeconds: 6 } });
    const volume = await lab.addVolume();
    let paused = false;
    const service = writingTo({
      write: async () => {
        if (!paused) await pause(8_000);
        paused = true;
      },
    });
    const fault = lab.simulator.injectFault({ method: 'HttpNfcLeaseProgress', kind: 'http-500' });
    const session = lab.simulator.injectFault({ method: 'HttpNfcLeaseProgress', nth: 2, kind: 'session-expired' });
    await lab.driverWith({ service }).backupVolume({ id: 'b', volumeId: volume.id }, volume);
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
