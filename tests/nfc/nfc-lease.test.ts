import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { VimConnectionError, VimFault, type VimSession } from '../../src/index.js';
import { silentLogger } from '../../src/logger.js';
import { type LeaseMeans, NfcLease } from '../../src/nfc/nfc-lease.js';
import { Leftovers } from '../../src/operation/leftovers.js';
import type { MethodArgs, MoRef } from '../../src/vim/schema/index.js';
import { Lab } from '../driver/support/lab.js';
import { sessionWith } from '../driver/support/services.js';
import { PassingTime } from '../support/passing-time.js';
import { until } from '../support/until.js';

function meansOf(vim: VimSession, signal: AbortSignal = new AbortController().signal): LeaseMeans {
  return { vim, logger: silentLogger, leftovers: new Leftovers(), signal };
}

/** A lease on an export, and what was asked of the server about it since. */
async function leased(
  lab: Lab,
  answer: (method: string) => Promise<void> | undefined = () => undefined,
  leaseTimeout?: number,
) {
  const volume = await lab.addVolume();
  // Before there is a lease: the server's timer of it must be one whose time can pass.
  const time = new PassingTime();
  const ref = (await lab.vim.invoke('ExportVm', lab.vmOf(volume).ref, {})) as MoRef<'HttpNfcLease'>;
  const calls: { method: string; percent?: unknown }[] = [];
  const hidden = new Map<string, Error>();
  const vim = sessionWith(lab.vim, {
    invoke: async (method, target, args, options) => {
      if (method === 'RetrievePropertiesEx') {
        const { specSet } = args as unknown as MethodArgs<'RetrievePropertiesEx'>;
        const fault = hidden.get(specSet[0]!.objectSet[0]!.obj.type);
        if (fault !== undefined) throw fault;
      }
      if (['RetrievePropertiesEx', 'WaitForUpdatesEx'].includes(method)) {
        const result = await lab.vim.invoke(method, target, args, options);
        return leaseTimeout === undefined ? result : withTimeout(result, leaseTimeout);
      }
      if (!method.startsWith('HttpNfcLease')) return lab.vim.invoke(method, target, args, options);
      try {
        await answer(method);
        return await lab.vim.invoke(method, target, args, options);
      } finally {
        calls.push({ method, percent: (args as { percent?: unknown }).percent });
      }
    },
  });
  const lease = await NfcLease.open(meansOf(vim), async () => ref);
  /** Lets a quarter of the lease's time pass, after which it hears what came of another renewal. */
  const renewal = async (): Promise<void> => {
    const before = calls.length;
    time.pass(75_000);
    await until(() => calls.length > before);
  };
  /** Has the server answer the reading of objects of a type with a fault. */
  const hide = (type: string, fault: Error): void => void hidden.set(type, fault);
  return { lease, calls, time, renewal, hide };
}

/** An answer in which leases have another timeout. */
function withTimeout<R>(result: R, leaseTimeout: number): R {
  const changed = (key: string, value: unknown): unknown => {
    const { name, val } = (value ?? {}) as { name?: unknown; val?: object };
    return name === 'info' ? { ...(value as object), val: { ...val, leaseTimeout } } : value;
  };
  return result === undefined ? result : (JSON.parse(JSON.stringify(result), changed) as R);
}

describe('an NFC lease', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await Lab.start({ simulator: { leaseRetentionMs: 60_000 } });
  });
  afterEach(async () => {
    jest.useRealTimers();
    await lab[Symbol.asyncDispose]();
  });

  test('reports progress as percent, clamped to 0..99', async () => {
    const { lease, calls, renewal } = await leased(lab);
    for (const fraction of [-3, 4, 0.5]) {
      lease.progress(fraction);
      await renewal();
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
    const { lease, time } = await leased(lab, (method) =>
      method === 'HttpNfcLeaseProgress' ? Promise.reject(new VimConnectionError('down', 'unknown')) : undefined,
    );
    time.pass(301_000); // timed out
    await until(() => lab.simulator.leases()[0]!.state === 'error');
    time.pass(60_000); // and forgotten
    await expect(lease.abort()).resolves.toBeUndefined();
  });

  test('whose completion got no reply is done if the server says so', async () => {
    const { lease } = await leased(lab);
    lab.simulator.injectFault({ method: 'HttpNfcLeaseComplete', when: 'after', kind: 'reset' });
    await expect(lease.complete()).resolves.toBeUndefined();
    expect(lab.simulator.leases()).toMatchObject([{ state: 'done' }]);
  });

  test.each(['Timedout', 'InvalidState', 'ManagedObjectNotFound'])(
    'is lost when the server says that it ended, and says why: %s',
    async (faultName) => {
      const { lease, renewal } = await leased(lab, (method) =>
        method === 'HttpNfcLeaseProgress' ? Promise.reject(new VimFault(faultName, method, '')) : undefined,
      );
      await renewal();
      expect(lease.lost.aborted).toBe(true);
      expect(lease.lost.reason).toMatchObject({ code: 'LEASE_FAILED', retryable: true, cause: { faultName } });
      await lease.abort();
    },
  );

  test.each<[string, object]>([
    ['HostCommunication', {}],
    ['SystemError', {}],
    ['ManagedObjectNotFound', { obj: { type: 'HostSystem', value: 'host-9' } }],
  ])('outlives a renewal that another fault met: %s', async (faultName, detail) => {
    let failures = 2;
    const { lease, calls, renewal } = await leased(lab, (method) =>
      method === 'HttpNfcLeaseProgress' && failures-- > 0
        ? Promise.reject(new VimFault(faultName, method, '', { ...detail }))
        : undefined,
    );
    for (let n = 0; n < 5 && !lease.lost.aborted; n++) await renewal();
    expect(lease.lost.aborted).toBe(false);
    expect(calls).toHaveLength(5);
    await lease.abort();
  });

  test('is lost when it could not be renewed for as long as it lives', async () => {
    const { lease, time, renewal } = await leased(lab, (method) =>
      method === 'HttpNfcLeaseProgress' ? Promise.reject(new VimConnectionError('down', 'unknown')) : undefined,
    );
    for (let i = 0; i < 3; i++) await renewal();
    expect(lease.lost.aborted).toBe(false);
    time.pass(10_000);
    await renewal();
    expect(lease.lost.reason).toMatchObject({ code: 'LEASE_FAILED' });
    await lease.abort();
  });

  test.each([0, -1])('with a timeout of %d is renewed every second, and not lost for it', async (leaseTimeout) => {
    const { calls, lease, time } = await leased(lab, undefined, leaseTimeout);
    time.pass(999);
    expect(calls).toEqual([]);
    time.pass(1);
    await until(() => calls.length === 1);
    time.pass(1_000);
    await until(() => calls.length === 2);
    expect(lease.lost.aborted).toBe(false);
    await lease.abort();
  });

  test('of which nobody knows how it ended did not end well for sure', async () => {
    const lost = new VimConnectionError('down', 'unknown');
    const { lease, hide } = await leased(lab, (method) =>
      method === 'HttpNfcLeaseComplete' ? Promise.reject(lost) : undefined,
    );
    hide('HttpNfcLease', new VimFault('ManagedObjectNotFound', '', '', { obj: lease.ref }));
    hide('VirtualMachine', new VimFault('NoPermission', '', ''));
    await expect(lease.complete()).rejects.toMatchObject({ code: 'VIM_CONNECTION_FAILED', outcome: 'unknown' });
    await lease.abort();
  });

  test('which a server never makes ready is aborted when the caller gives up', async () => {
    lab.simulator.setLatency({ taskMs: 60_000 });
    const volume = await lab.addVolume();
    const ref = (await lab.vim.invoke('ExportVm', lab.vmOf(volume).ref, {})) as MoRef<'HttpNfcLease'>;
    const ready = NfcLease.open(meansOf(lab.vim, AbortSignal.timeout(300)), async () => ref);
    await expect(ready).rejects.toMatchObject({ code: 'ABORTED' });
    expect(lab.simulator.leases()).toMatchObject([{ state: 'error', error: 'RequestCanceled' }]);
  });
});
