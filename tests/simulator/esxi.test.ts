import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Lab, openLab } from './support/lab.js';
import { deviceUrl, leaseReady, nfc, streamType, thumbprint } from './support/nfc-client.js';
import { ref } from './support/soap-client.js';
import { vmSpec } from './support/specs.js';
import { textAt } from './support/xml-node.js';

const MIB = 2 ** 20;
let lab: Lab;
beforeEach(async () => {
  lab = await openLab({ mode: 'esxi' });
});
afterEach(() => lab.close());

describe('an ESXi', () => {
  it('names its objects as one does', async () => {
    expect(lab.simulator.username).toBe('root');
    expect([lab.datacenter.value, lab.vmFolder.value, lab.pool.value]).toEqual([
      'ha-datacenter',
      'ha-folder-vm',
      'ha-root-pool',
    ]);
    const content = await lab.client.call('RetrieveServiceContent', {
      type: 'ServiceInstance',
      value: 'ServiceInstance',
    });
    expect(textAt(content, 'returnval.about.apiType')).toBe('HostAgent');
    expect(textAt(content, 'returnval.about.instanceUuid')).toBeUndefined();
    const vm = await lab.createVm();
    expect(vm.value).toBe('1');
    expect((await lab.client.property(vm, 'runtime.host'))!.text).toBe('ha-host');
  });

  it('leaves the host of lease URLs to the client, and moves disks over its own port', async () => {
    const { ref: vm, disks } = await lab.simulator.addVm({ name: 'a', disk: { capacityBytes: 2 * MIB } });
    await lab.simulator.writeDisk(disks[0]!.path, randomBytes(1000), MIB);
    const lease = await lab.client.callForRef('ExportVm', vm);
    const info = await leaseReady(lab.client, lease);
    expect(deviceUrl(info)).toMatch(/^https:\/\/\*\/nfc\//);
    expect(thumbprint(info)).toBe(lab.simulator.thumbprint);
    const here = (url: string) => url.replace('*', `127.0.0.1:${lab.simulator.port}`);
    const { body } = await nfc('GET', here(deviceUrl(info)));
    await lab.client.call('HttpNfcLeaseComplete', lease);

    const spec = `<spec xsi:type="VirtualMachineImportSpec"><configSpec>${vmSpec({ name: 'b' })}</configSpec></spec>`;
    const importLease = await lab.client.callForRef('ImportVApp', lab.pool, spec);
    const url = here(deviceUrl(await leaseReady(lab.client, importLease)));
    expect((await nfc('POST', url, { headers: streamType, body })).status).toBe(200);
    await lab.client.call('HttpNfcLeaseComplete', importLease);
    expect(await lab.simulator.diskSha256('[datastore1] b/b.vmdk')).toBe(
      await lab.simulator.diskSha256(disks[0]!.path),
    );
  });

  it('can give its port with the asterisk', async () => {
    await using other = await openLab({ mode: 'esxi', leaseUrlHost: '*:port' });
    const { ref: vm } = await other.simulator.addVm({ name: 'a', disk: { capacityBytes: MIB } });
    const info = await leaseReady(other.client, await other.client.callForRef('ExportVm', vm));
    expect(deviceUrl(info)).toContain(`https://*:${other.simulator.port}/nfc/`);
  });

  it('has no vCenter operations', async () => {
    const vm = await lab.createVm();
    const clone = `${ref('folder', lab.vmFolder)}<name>b</name><spec><location/><template>false</template><powerOn>false</powerOn></spec>`;
    for (const call of [
      () => lab.client.call('CloneVM_Task', vm, clone),
      () => lab.client.call('RelocateVM_Task', vm, '<spec/>'),
      () => lab.client.call('CreateFolder', lab.vmFolder, '<name>a</name>'),
      () => lab.client.call('MoveIntoFolder_Task', lab.vmFolder, ref('list', vm)),
    ]) {
      await expect(call()).rejects.toMatchObject({ type: 'NotSupported' });
    }
  });

  it('knows its datastores without being told the datacenter', async () => {
    await lab.createVm(vmSpec({ name: 'a' }));
    const manager = lab.client.manager('VirtualDiskManager');
    const args = '<name>[datastore1] a/a.vmdk</name><newCapacityKb>2048</newCapacityKb>';
    await lab.client.task('ExtendVirtualDisk_Task', manager, args);
    expect(lab.simulator.vm('a')!.disks[0]!.capacityBytes).toBe(2 * MIB);
  });

  it('lets two VMs have one instance UUID', async () => {
    const instanceUuid = '0f2b8a52-7b7a-4f0e-9d6e-2f6a3f1c9a11';
    await lab.createVm(vmSpec({ name: 'a', instanceUuid }));
    await lab.createVm(vmSpec({ name: 'b', instanceUuid }));
    expect(lab.simulator.vms().map((vm) => vm.instanceUuid)).toEqual([instanceUuid, instanceUuid]);
  });
});
