import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:https';
import { describe, expect, it } from '@jest/globals';
import type { SimulatorOptions } from '../../src/simulator/index.js';
import { PassingTime } from '../support/passing-time.js';
import { until } from '../support/until.js';
import { openLab } from './support/lab.js';
import { deviceUrl, leaseReady, nfc, streamType, thumbprint } from './support/nfc-client.js';
import { ref } from './support/soap-client.js';
import { vmSpec } from './support/specs.js';
import { at, textAt } from './support/xml-node.js';

const MIB = 2 ** 20;
const seconds = 1000;

async function labWithVm(options: SimulatorOptions = {}) {
  const lab = await openLab(options);
  const { ref: vm } = await lab.simulator.addVm({ name: 'a', disk: { capacityBytes: MIB } });
  const open = async () => {
    const lease = await lab.client.callForRef('ExportVm', vm);
    return { lease, info: await leaseReady(lab.client, lease) };
  };
  const openImport = async () => {
    const spec = `<spec xsi:type="VirtualMachineImportSpec"><configSpec>${vmSpec({ name: 'new' })}</configSpec></spec>`;
    const lease = await lab.client.callForRef('ImportVApp', lab.pool, `${spec}${ref('folder', lab.vmFolder)}`);
    return { lease, info: await leaseReady(lab.client, lease) };
  };
  return { lab, vm, open, openImport };
}

describe('leases', () => {
  it('are initializing first, and say all a client needs once they are ready', async () => {
    const { lab, vm } = await labWithVm({ latency: { taskMs: 600 * seconds } });
    await using _ = lab;
    using time = new PassingTime();
    const lease = await lab.client.callForRef('ExportVm', vm);
    expect((await lab.client.property(lease, 'state'))!.text).toBe('initializing');
    expect(await lab.client.property(lease, 'info')).toBeUndefined();
    time.pass(600 * seconds);
    const info = await leaseReady(lab.client, lease);
    expect(textAt(info, 'entity')).toBe(vm.value);
    expect(textAt(info, 'leaseTimeout')).toBe('300');
    expect(textAt(info, 'totalDiskCapacityInKB')).toBe('1024');
    expect(textAt(info, 'deviceUrl.disk')).toBe('true');
    expect(textAt(info, 'deviceUrl.targetId')).toBe('disk-0.vmdk');
    expect(textAt(info, 'deviceUrl.key')).toBe(`/${vm.value}/VirtualLsiLogicController0:0`);
    expect(deviceUrl(info)).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/nfc\/[\w-]{32}\/disk-0\.vmdk$/);
  });

  it('lock their VM until they are over', async () => {
    const { lab, vm, open } = await labWithVm();
    await using _ = lab;
    const { lease } = await open();
    await expect(lab.client.call('ExportVm', vm)).rejects.toMatchObject({ type: 'TaskInProgress' });
    await expect(lab.client.task('Destroy_Task', vm)).rejects.toMatchObject({ type: 'TaskInProgress' });
    await expect(lab.client.task('ReconfigVM_Task', vm, '<spec/>')).rejects.toMatchObject({ type: 'TaskInProgress' });
    await lab.client.call('HttpNfcLeaseAbort', lease);
    await lab.client.task('ReconfigVM_Task', vm, '<spec/>');
    expect(lab.simulator.leases()).toMatchObject([{ kind: 'export', state: 'error', error: 'RequestCanceled' }]);
  });

  it('time out when nobody keeps them alive, and an import takes its VM with it', async () => {
    const { lab, openImport } = await labWithVm();
    await using _ = lab;
    using time = new PassingTime();
    const { lease, info } = await openImport();
    expect(lab.simulator.vm('new')).toBeDefined();
    time.pass(300 * seconds);
    await until(() => lab.simulator.vm('new') === undefined);
    expect((await lab.client.property(lease, 'state'))!.text).toBe('error');
    expect(at(await lab.client.property(lease, 'error'), 'fault')!.attributes['xsi:type']).toBe('Timedout');
    expect((await nfc('GET', deviceUrl(info))).status).toBe(403);
    await expect(lab.client.call('HttpNfcLeaseProgress', lease, '<percent>1</percent>')).rejects.toMatchObject({
      type: 'Timedout',
    });
    await expect(lab.client.call('HttpNfcLeaseComplete', lease)).rejects.toMatchObject({ type: 'Timedout' });
    expect(lab.simulator.leftovers()).toEqual([]);
  });

  it('live as long as progress is reported', async () => {
    const { lab, open } = await labWithVm();
    await using _ = lab;
    using time = new PassingTime();
    const { lease } = await open();
    for (let percent = 0; percent < 6; percent++) {
      time.pass(200 * seconds);
      await lab.client.call('HttpNfcLeaseProgress', lease, `<percent>${percent}</percent>`);
    }
    expect((await lab.client.property(lease, 'state'))!.text).toBe('ready');
    expect(lab.simulator.leases()).toMatchObject([{ progress: 5, progressReports: 6 }]);
  });

  it('refuse progress that is no percentage', async () => {
    const { lab, open } = await labWithVm();
    await using _ = lab;
    const { lease } = await open();
    for (const percent of [-1, 101]) {
      await expect(
        lab.client.call('HttpNfcLeaseProgress', lease, `<percent>${percent}</percent>`),
      ).rejects.toMatchObject({
        type: 'InvalidArgument',
      });
    }
  });

  it('cut their transfers when they end', async () => {
    const { lab, open, openImport } = await labWithVm();
    await using _ = lab;
    const exported = await open();
    const { body } = await nfc('GET', deviceUrl(exported.info));
    await lab.client.call('HttpNfcLeaseComplete', exported.lease);
    const { lease, info } = await openImport();
    const upload = request(deviceUrl(info), {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-vnd.vmware-streamVmdk', 'Content-Length': 10 * MIB },
      rejectUnauthorized: false,
      agent: false,
    });
    upload.write(body.subarray(0, 100));
    const cut = once(upload, 'error');
    await until(() => lab.simulator.leases().at(-1)!.transfers[0]!.bytes > 0);
    await expect(lab.client.call('HttpNfcLeaseComplete', lease)).rejects.toMatchObject({ type: 'InvalidState' });
    expect(
      (await nfc('POST', deviceUrl(info), { headers: { 'Content-Type': 'application/x-vnd.vmware-streamVmdk' } }))
        .status,
    ).toBe(409);
    await lab.client.call('HttpNfcLeaseAbort', lease);
    await cut;
    expect(lab.simulator.leftovers()).toEqual([]);
  });

  it('can be completed while the last bytes of an upload are on their way', async () => {
    const { lab, open, openImport } = await labWithVm();
    await using _ = lab;
    const exported = await open();
    const { body } = await nfc('GET', deviceUrl(exported.info));
    await lab.client.call('HttpNfcLeaseComplete', exported.lease);
    const { lease, info } = await openImport();
    const upload = request(deviceUrl(info), {
      method: 'POST',
      headers: { ...streamType, 'Content-Length': body.length },
      rejectUnauthorized: false,
      agent: false,
    });
    upload.write(body.subarray(0, 100));
    await until(() => lab.simulator.leases().at(-1)!.transfers[0]!.bytes > 0);
    const completed = lab.client.call('HttpNfcLeaseComplete', lease);
    upload.end(body.subarray(100));
    await completed;
    expect((await lab.client.property(lease, 'state'))!.text).toBe('done');
    expect(lab.simulator.vm('new')).toBeDefined();
  });

  it('tell the checksums of what came in, once all of it did', async () => {
    const { lab, open, openImport } = await labWithVm();
    await using _ = lab;
    const { body } = await nfc('GET', deviceUrl((await open()).info));
    const { lease, info } = await openImport();
    expect((await lab.client.call('HttpNfcLeaseGetManifest', lease)).children).toEqual([]);
    await nfc('POST', deviceUrl(info), { headers: streamType, body });
    const entry = at(await lab.client.call('HttpNfcLeaseGetManifest', lease), 'returnval');
    const digest = (algorithm: string) => createHash(algorithm).update(body).digest('hex');
    expect([textAt(entry, 'sha1'), textAt(entry, 'checksum')]).toEqual([digest('sha1'), digest('sha256')]);
    expect(textAt(entry, 'key')).toBe(textAt(info, 'deviceUrl.key'));
    expect(textAt(entry, 'size')).toBe(String(body.length));
  });

  it('are gone some time after their end', async () => {
    const { lab, open } = await labWithVm({ leaseRetentionMs: 60 * seconds });
    await using _ = lab;
    using time = new PassingTime();
    const { lease } = await open();
    await lab.client.call('HttpNfcLeaseComplete', lease);
    expect((await lab.client.property(lease, 'state'))!.text).toBe('done');
    time.pass(60 * seconds);
    await expect(lab.client.property(lease, 'state')).rejects.toMatchObject({ type: 'ManagedObjectNotFound' });
    await expect(lab.client.call('HttpNfcLeaseComplete', lease)).rejects.toMatchObject({
      type: 'ManagedObjectNotFound',
    });
  });

  it('give the thumbprint in the form they are told', async () => {
    for (const [leaseThumbprint, form] of [
      ['sha1', /^(\w\w:){19}\w\w$/],
      ['sha256', /^(\w\w:){31}\w\w$/],
      ['none', /^$/],
    ] as const) {
      const { lab, open } = await labWithVm({ leaseThumbprint });
      await using _ = lab;
      expect(thumbprint((await open()).info)).toMatch(form);
    }
  });

  it('have no manifest where the server makes none', async () => {
    const { lab, open } = await labWithVm({ manifest: false });
    await using _ = lab;
    const { lease } = await open();
    await expect(lab.client.call('HttpNfcLeaseGetManifest', lease)).rejects.toMatchObject({ type: 'NotSupported' });
  });

  it('refuse to export a disk that is locked', async () => {
    const { lab, vm } = await labWithVm();
    await using _ = lab;
    lab.simulator.lockFile('[datastore1] a/a.vmdk');
    await expect(lab.client.call('ExportVm', vm)).rejects.toMatchObject({ type: 'FileLocked' });
  });
});
