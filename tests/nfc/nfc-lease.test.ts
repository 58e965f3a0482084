import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { VimConnectionError, VimFault } from '../../src/index.js';
import { silentLogger } from '../../src/logger.js';
import { NfcLease } from '../../src/nfc/nfc-lease.js';
import type { MoRef } from '../../src/vim/schema/index.js';
import { sessionWith } from '../driver/support/services.js';
import { Lab } from '../driver/support/lab.js';

/** A lease on an export, and what was asked of the server about it since. */
async function leased(lab: Lab, answer: (method: string) => Promise<void> | undefined = () => undefined) {
  const volume = await lab.addVolume();
  const ref = (await lab.vim.invoke('ExportVm', lab.vmOf(volume).ref, {})) as MoRef<'HttpNfcLease'>;
  const calls: { method: string; percent?: unknown }[] = [];
  const vim = sessionWith(lab.vim, {
    invoke: async (method, target, args, options) => {
      if (method.startsWith('HttpNfcLease')) {
        calls.push({ method, percent: (args as { percent?: unknown }).percent });
        await answer(method);
      }
      return lab.vim.invoke(method, target, args, options);
    },
  });
  return { lease: await NfcLease.ready(vim, ref, silentLogger), calls };
}

describe('an NFC lease', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await Lab.start({ simulator: { leaseTimeoutSeconds: 1, leaseRetentionMs: 200 } });
  });
  afterEach(async () => {
    jest.useRealTimers();
    await lab[Symbol.asyncDispose]();
  });

  test('reports progress as percent, clamped to 0..99', async () => {
    const { lease, calls } = await leased(lab);
    const wait = () => new Promise((resolve) => setTimeout(resolve, 400));
    for (const fraction of [-3, 4, 0.5]) {
      lease.progress(fraction);
      await wait();
    }
    await lease.abort();
    const percents = calls.filter(({ method }) => method === 'HttpNfcLeaseProgress').map(({ percent }) => percent);
    expect(new Set(percents)).toEqual(new Set([0, 99, 50]));
  });

  test('ends once: complete, then abort and dispose, ask the server for one thing only', async () => {
    const { lease, calls } = await leased(lab);
    await lease.complete();
    await lease.abort();
    await lease[Symbol.asyncDispose]();
    expect(calls.map(({ method }) => method)).toEqual(['HttpNfcLeaseComplete']);
    expect(lab.simulator.leases()).toMatchObject([{ state: 'done' }]);
  });

  test('one that is already gone is aborted without an error', async () => {
    const { lease } = await leased(lab, (method) =>
      method === 'HttpNfcLeaseProgress' ? Promise.reject(new VimConnectionError('down', 'unknown')) : undefined,
    );
    await new Promise((resolve) => setTimeout(resolve, 1_800)); // timed out, and forgotten
    await expect(lease.abort()).resolves.toBeUndefined();
  });

  test('whose completion got no reply is done if the server says so', async () => {
    const { lease } = await leased(lab);
    lab.simulator.injectFault({ method: 'HttpNfcLeaseComplete', when: 'after', kind: 'reset' });
    await expect(lease.complete()).resolves.toBeUndefined();
    expect(lab.simulator.leases()).toMatchObject([{ state: 'done' }]);
  });

  test('is lost when the server refuses to renew it, and says why', async () => {
    const { lease } = await leased(lab, (method) =>
      method === 'HttpNfcLeaseProgress' ? Promise.reject(new VimFault('Timedout', method, '')) : undefined,
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(lease.lost.aborted).toBe(true);
    expect(lease.lost.reason).toMatchObject({
      code: 'LEASE_FAILED',
      retryable: true,
      cause: { faultName: 'Timedout' },
    });
    await lease.abort();
  });

  test('is lost when it could not be renewed for as long as it lives', async () => {
    const { lease } = await leased(lab, (method) =>
      method === 'HttpNfcLeaseProgress' ? Promise.reject(new VimConnectionError('down', 'unknown')) : undefined,
    );
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(lease.lost.aborted).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(lease.lost.reason).toMatchObject({ code: 'LEASE_FAILED' });
    await lease.abort();
  });

  test('which a server never makes ready is aborted when the caller gives up', async () => {
    lab.simulator.setLatency({ taskMs: 60_000 });
    const volume = await lab.addVolume();
    const ref = (await lab.vim.invoke('ExportVm', lab.vmOf(volume).ref, {})) as MoRef<'HttpNfcLease'>;
    const ready = NfcLease.ready(lab.vim, ref, silentLogger, { signal: AbortSignal.timeout(300) });
    await expect(ready).rejects.toMatchObject({ code: 'ABORTED' });
    expect(lab.simulator.leases()).toMatchObject([{ state: 'error', error: 'RequestCanceled' }]);
  });
});
