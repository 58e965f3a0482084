import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CallEvent } from '../../src/simulator/index.js';
import { until } from '../support/until.js';
import { type Lab, openLab } from './support/lab.js';
import { deviceUrl, leaseReady, nfc, streamType } from './support/nfc-client.js';
import { type Ref, ref } from './support/soap-client.js';
import { vmSpec } from './support/specs.js';
import { textAt } from './support/xml-node.js';

const MIB = 2 ** 20;
let lab: Lab;
let vm: Ref;
beforeEach(async () => {
  lab = await openLab();
  const added = await lab.simulator.addVm({ name: 'a', disk: { capacityBytes: 4 * MIB } });
  vm = added.ref;
  await lab.simulator.writeDisk(added.disks[0]!.path, randomBytes(MIB));
});
afterEach(() => lab.close());

const rename = (name = 'b') => lab.client.task('Rename_Task', vm, `<newName>${name}</newName>`);
const nameNow = () => lab.simulator.vms()[0]!.name;
const noPermission = { fault: 'NoPermission', privilegeId: 'VirtualMachine.Inventory' };

describe('faults of calls', () => {
  it('a fault before the effect', async () => {
    const injected = lab.simulator.injectFault({ method: 'Rename_Task', kind: noPermission });
    expect(injected.fired).toBe(false);
    const error: unknown = await rename().catch((cause: unknown) => cause);
    expect(error).toMatchObject({ type: 'NoPermission' });
    expect(textAt((error as { detail: Parameters<typeof textAt>[0] }).detail, 'privilegeId')).toBe(
      'VirtualMachine.Inventory',
    );
    expect(injected.fired).toBe(true);
    expect(nameNow()).toBe('a');
    await rename();
    expect(nameNow()).toBe('b');
  });

  it('a fault after the effect', async () => {
    lab.simulator.injectFault({ method: 'CreateFolder', when: 'after', kind: noPermission });
    const create = () => lab.client.call('CreateFolder', lab.vmFolder, '<name>f</name>');
    await expect(create()).rejects.toMatchObject({ type: 'NoPermission' });
    await expect(create()).rejects.toMatchObject({ type: 'DuplicateName' });
  });

  it('a task that fails without effect, and one that fails with it', async () => {
    lab.simulator.injectFault({ method: 'Rename_Task', when: 'task', kind: { fault: 'FileLocked', file: 'x' } });
    await expect(rename()).rejects.toMatchObject({ type: 'FileLocked' });
    expect(nameNow()).toBe('a');
    lab.simulator.injectFault({ method: 'Rename_Task', when: 'after-task', kind: { fault: 'HostCommunication' } });
    await expect(rename()).rejects.toMatchObject({ type: 'HostCommunication' });
    expect(nameNow()).toBe('b');
  });

  it('a connection cut before and after', async () => {
    lab.simulator.injectFault({ method: 'CreateFolder', kind: 'reset' });
    const create = (name: string) => lab.client.call('CreateFolder', lab.vmFolder, `<name>${name}</name>`);
    await expect(create('f')).rejects.toMatchObject({ code: 'ECONNRESET' });
    lab.simulator.injectFault({ method: 'CreateFolder', kind: 'reset', when: 'after' });
    await expect(create('f')).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(create('f')).rejects.toMatchObject({ type: 'DuplicateName' });
    expect(
      lab.simulator
        .calls()
        .slice(-3)
        .map(({ answered, fault }) => [answered, fault]),
    ).toEqual([
      [false, undefined],
      [false, undefined],
      [true, 'DuplicateName'],
    ]);
  });

  it('a reply that is lost while the task goes on, and one lost when it ended', async () => {
    lab.simulator.setLatency({ taskMs: 3_000 });
    lab.simulator.injectFault({ method: 'Rename_Task', kind: 'reset', when: 'after' });
    await expect(rename('b')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(nameNow()).toBe('a');
    expect(lab.simulator.leftovers()).toMatchObject([{ kind: 'task' }]);
    await until(() => nameNow() === 'b');
    lab.simulator.setLatency(0);
    lab.simulator.injectFault({ method: 'Rename_Task', kind: 'reset', when: 'after-task' });
    await expect(rename('c')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(nameNow()).toBe('c');
  });

  it('no answer at all', async () => {
    lab.simulator.injectFault({ method: 'CreateFolder', kind: 'hang' });
    const call = lab.client.call('CreateFolder', lab.vmFolder, '<name>f</name>').catch(() => 'cut');
    const winner = await Promise.race([call, new Promise((resolve) => setTimeout(resolve, 200, 'waiting'))]);
    expect(winner).toBe('waiting');
    await lab.simulator.close();
    expect(await call).toBe('cut');
  });

  it('a page instead of SOAP', async () => {
    lab.simulator.injectFault({ method: 'CreateFolder', kind: 'http-500' });
    await expect(lab.client.call('CreateFolder', lab.vmFolder, '<name>f</name>')).rejects.toThrow(/HTTP 500: <html>/);
  });

  it('a session that ends before, and one that ends after', async () => {
    lab.simulator.injectFault({ method: 'CreateFolder', kind: 'session-expired' });
    const create = () => lab.client.call('CreateFolder', lab.vmFolder, '<name>f</name>');
    await expect(create()).rejects.toMatchObject({ type: 'NotAuthenticated' });
    await lab.client.login();
    lab.simulator.injectFault({ method: 'CreateFolder', kind: 'session-expired', when: 'after' });
    await create();
    await expect(create()).rejects.toMatchObject({ type: 'NotAuthenticated' });
  });

  it('the nth of a method, any method, and none once cleared', async () => {
    lab.simulator.injectFault({ method: 'Rename_Task', nth: 2, kind: noPermission });
    await rename('b');
    await expect(rename('c')).rejects.toMatchObject({ type: 'NoPermission' });
    lab.simulator.injectFault({ method: '*', kind: noPermission });
    await expect(rename('c')).rejects.toMatchObject({ type: 'NoPermission' });
    lab.simulator.injectFault({ method: '*', kind: noPermission });
    lab.simulator.injectFault({ method: '*', kind: noPermission }).remove();
    lab.simulator.clearFaults();
    await rename('c');
  });
});

describe('onCall', () => {
  it('stops at each point of a call', async () => {
    const seen: string[] = [];
    lab.simulator.setLatency({ taskMs: 2_000 });
    const stop = lab.simulator.onCall(async ({ phase, call }: CallEvent) => {
      if (call.method !== 'Rename_Task') return;
      await new Promise(setImmediate);
      seen.push(`${phase}: ${nameNow()}`);
    });
    await rename();
    expect(seen.sort()).toEqual(['after: a', 'before: a', 'task-done: b']);
    stop();
    lab.simulator.setLatency(0);
    await rename('c');
    expect(seen).toHaveLength(3);
  });
});

describe('faults of transfers', () => {
  const openExport = async () => deviceUrl(await leaseReady(lab.client, await lab.client.callForRef('ExportVm', vm)));
  const whole = async () => {
    const lease = await lab.client.callForRef('ExportVm', vm);
    const { body } = await nfc('GET', deviceUrl(await leaseReady(lab.client, lease)));
    await lab.client.call('HttpNfcLeaseAbort', lease);
    return body;
  };
  const openImport = async () => {
    const spec = `<spec xsi:type="VirtualMachineImportSpec"><configSpec>${vmSpec({ name: 'new' })}</configSpec></spec>`;
    const lease = await lab.client.callForRef('ImportVApp', lab.pool, `${spec}${ref('folder', lab.vmFolder)}`);
    return { lease, url: deviceUrl(await leaseReady(lab.client, lease)) };
  };

  it('an export whose connection is cut', async () => {
    lab.simulator.injectTransferFault({ direction: 'export', atByte: 500_000, kind: 'reset' });
    await expect(nfc('GET', await openExport())).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('an export that ends early as if it were whole', async () => {
    const { length } = await whole();
    lab.simulator.injectTransferFault({ direction: 'export', atByte: 500_000, kind: 'truncate' });
    const { status, body } = await nfc('GET', await openExport());
    expect([status, body.length, length > 500_000]).toEqual([200, 500_000, true]);
  });

  it('an export with a changed byte, which its manifest shows', async () => {
    const good = await whole();
    lab.simulator.injectTransferFault({ direction: 'export', atByte: 500_000, kind: 'corrupt' });
    const { body } = await nfc('GET', await openExport());
    expect(body.length).toBe(good.length);
    expect([...body.entries()].filter(([i, byte]) => byte !== good[i]).map(([i]) => i)).toEqual([500_000]);
  });

  it('an export that stalls', async () => {
    lab.simulator.injectTransferFault({ direction: 'export', atByte: 500_000, kind: 'stall' });
    const download = nfc('GET', await openExport()).catch(() => 'cut');
    expect(await Promise.race([download, new Promise((resolve) => setTimeout(resolve, 500, 'waiting'))])).toBe(
      'waiting',
    );
    expect(lab.simulator.leftovers().map(({ kind }) => kind)).toContain('transfer');
    await lab.simulator.close();
    expect(await download).toBe('cut');
  });

  it('a status instead of a body, for the second of two exports', async () => {
    lab.simulator.injectTransferFault({ direction: 'export', nth: 2, kind: 'status', status: 503 });
    const url = await openExport();
    expect((await nfc('GET', url)).status).toBe(200);
    expect((await nfc('GET', url)).status).toBe(503);
  });

  it('an import whose connection is cut leaves a lease that cannot be completed', async () => {
    const body = await whole();
    lab.simulator.injectTransferFault({ direction: 'import', atByte: 500_000, kind: 'reset' });
    const { lease, url } = await openImport();
    await expect(nfc('POST', url, { headers: streamType, body })).rejects.toThrow(/ECONNRESET|EPIPE|socket hang up/);
    await expect(lab.client.call('HttpNfcLeaseComplete', lease)).rejects.toMatchObject({ type: 'InvalidState' });
    expect((await nfc('POST', url, { headers: streamType, body })).status).toBe(200);
    await lab.client.call('HttpNfcLeaseComplete', lease);
    expect(await lab.simulator.diskSha256('[datastore1] new/new.vmdk')).toBe(
      await lab.simulator.diskSha256('[datastore1] a/a.vmdk'),
    );
  });

  it('an import that is answered with a status', async () => {
    const body = await whole();
    lab.simulator.injectTransferFault({ direction: 'import', atByte: 0, kind: 'status', status: 507 });
    const { url } = await openImport();
    expect((await nfc('POST', url, { headers: streamType, body })).status).toBe(507);
  });

  it('an import with a changed byte is refused', async () => {
    const body = await whole();
    lab.simulator.injectTransferFault({ direction: 'import', atByte: 500_000, kind: 'corrupt' });
    const { url } = await openImport();
    expect((await nfc('POST', url, { headers: streamType, body })).status).toBe(500);
    expect(lab.simulator.vm('new')).toBeUndefined();
  });

  it('an import cannot be truncated by its receiver', () => {
    expect(() => lab.simulator.injectTransferFault({ direction: 'import', kind: 'truncate' })).toThrow(TypeError);
  });
});
