import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Lab, openLab } from './support/lab.js';
import { deviceUrl, leaseReady, nfc, streamType } from './support/nfc-client.js';
import { type Ref, ref, refsOf } from './support/soap-client.js';
import { at, parse, textAt, type XmlNode } from './support/xml-node.js';

const MIB = 2 ** 20;
let lab: Lab;
let manager: Ref;
let datastore: Ref;
beforeAll(async () => {
  lab = await openLab();
  manager = { type: 'OvfManager', value: 'OvfManager' };
  [datastore] = refsOf(await lab.client.property(lab.datacenter, 'datastore')) as [Ref];
});
afterAll(() => lab.close());

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const importSpec = async (descriptor: string, params = ''): Promise<XmlNode> => {
  const cisp = `<cisp><locale/><deploymentOption/><entityName>new</entityName>${params}</cisp>`;
  const args = `<ovfDescriptor>${escaped(descriptor)}</ovfDescriptor>${ref('resourcePool', lab.pool)}${ref('datastore', datastore)}${cisp}`;
  return at(await lab.client.call('CreateImportSpec', manager, args), 'returnval')!;
};
const faultOf = (result: XmlNode): string | undefined => at(result, 'error.fault')?.attributes['xsi:type'];

/** Exports a VM as govc does, and returns its stream and its descriptor. */
async function exported(vm: Ref, path: string): Promise<{ stream: Buffer; descriptor: string }> {
  const lease = await lab.client.callForRef('ExportVm', vm);
  const info = await leaseReady(lab.client, lease);
  const { body: stream } = await nfc('GET', deviceUrl(info));
  await lab.client.call('HttpNfcLeaseComplete', lease);
  const file = `<deviceId>${textAt(info, 'deviceUrl.key')!}</deviceId><path>${escaped(path)}</path><size>${stream.length}</size>`;
  const result = await lab.client.call(
    'CreateDescriptor',
    manager,
    `${ref('obj', vm)}<cdp><ovfFiles>${file}</ovfFiles><name>a &lt;VM&gt;</name></cdp>`,
  );
  return { stream, descriptor: textAt(result, 'returnval.ovfDescriptor')! };
}

describe('OvfManager', () => {
  it.each([
    ['lsiLogic', 'VirtualLsiLogicController', 'thin', true],
    ['paraVirtual', 'ParaVirtualSCSIController', 'eagerZeroedThick', false],
    ['ide', 'VirtualIDEController', '', false],
  ] as const)('makes of a descriptor it wrote a VM that takes the disk: %s', async (...row) => {
    const [adapterType, controllerType, provisioning, thin] = row;
    const name = `of ${adapterType}`;
    const { ref: vm, disks } = await lab.simulator.addVm({ name, disk: { capacityBytes: 4 * MIB, adapterType } });
    await lab.simulator.writeDisk(disks[0]!.path, Buffer.from('content'), MIB);
    const { stream, descriptor } = await exported(vm, 'disk & 0.vmdk');
    expect(textAt(parse(descriptor), 'VirtualSystem.Name')).toBe('a <VM>');

    const result = await importSpec(descriptor, `<diskProvisioning>${provisioning}</diskProvisioning>`);
    expect(faultOf(result)).toBeUndefined();
    const item = at(result, 'fileItem')!;
    expect([textAt(item, 'path'), textAt(item, 'size')]).toEqual(['disk & 0.vmdk', String(stream.length)]);
    // What the server made is sent back as it came.
    const spec = `<spec xsi:type="VirtualMachineImportSpec">${xmlOf(at(result, 'importSpec')!)}</spec>`;
    const lease = await lab.client.callForRef('ImportVApp', lab.pool, spec + ref('folder', lab.vmFolder));
    const info = await leaseReady(lab.client, lease);
    expect(textAt(info, 'deviceUrl.importKey')).toBe(textAt(item, 'deviceId'));
    expect((await nfc('POST', deviceUrl(info), { headers: streamType, body: stream })).status).toBe(200);
    await lab.client.call('HttpNfcLeaseComplete', lease);
    const [disk] = lab.simulator.vm('new')!.disks;
    expect(disk).toMatchObject({ capacityBytes: 4 * MIB, controllerType });
    expect(disk!.provisioning === 'thin').toBe(thin);
    expect(await lab.simulator.diskSha256(disk!.path)).toBe(await lab.simulator.diskSha256(disks[0]!.path));
    await lab.simulator.removeVm('new');
    await lab.simulator.removeVm(name);
  });

  it('says in its result what is wrong with a descriptor', async () => {
    const envelope = (content: string): string =>
      `<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">${content}</Envelope>`;
    const hardware = (items: string): string =>
      envelope(`<VirtualSystem ovf:id="x"><VirtualHardwareSection>${items}</VirtualHardwareSection></VirtualSystem>`);
    const item = (type: number, attributes = ''): string =>
      `<Item${attributes}><rasd:ElementName>e</rasd:ElementName><rasd:InstanceID>7</rasd:InstanceID><rasd:ResourceType>${type}</rasd:ResourceType></Item>`;
    const faults = async (text: string, params = ''): Promise<string | undefined> =>
      faultOf(await importSpec(text, params));
    expect(await faults('<Envelope')).toBe('OvfXmlFormat');
    expect(await faults('<Envelope/>')).toBe('OvfMissingElement');
    expect(await faults(envelope(''))).toBe('OvfMissingElement');
    expect(await faults(hardware(item(10)))).toBe('OvfUnsupportedType');
    expect(await faults(hardware(item(10, ' ovf:required="false"')))).toBeUndefined();
    expect(await faults(hardware(item(17)))).toBe('OvfMissingElement');
    const vm = await lab.simulator.addVm({ name: 'b', disk: { capacityBytes: MIB } });
    const { descriptor } = await exported(vm.ref, 'b.vmdk');
    expect(await faults(descriptor, '<diskProvisioning>wet</diskProvisioning>')).toBe('OvfUnsupportedDiskProvisioning');
    await lab.simulator.removeVm('b');
  });

  it('knows no datastore or VM but those there are', async () => {
    const gone = { type: 'VirtualMachine', value: 'vm-0' };
    await expect(lab.client.call('CreateDescriptor', manager, `${ref('obj', gone)}<cdp/>`)).rejects.toMatchObject({
      type: 'ManagedObjectNotFound',
    });
    lab.simulator.updateDatastore('datastore1', { accessible: false });
    await expect(importSpec('<Envelope/>')).rejects.toMatchObject({ type: 'InvalidDatastore' });
    lab.simulator.updateDatastore('datastore1', { accessible: true });
  });
});

/** An element's content as XML. */
function xmlOf({ children, text }: XmlNode): string {
  if (children.length === 0) return escaped(text);
  return children
    .map((child) => {
      const attributes = Object.entries(child.attributes).map(([name, value]) => ` ${name}="${value}"`);
      return `<${child.name}${attributes.join('')}>${xmlOf(child)}</${child.name}>`;
    })
    .join('');
}
