import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Lab, openLab } from './support/lab.js';
import { envelope, ref } from './support/soap-client.js';
import { controller, newDisk, vmSpec } from './support/specs.js';
import { at, textAt } from './support/xml-node.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

const createVm = (spec: string): Promise<unknown> =>
  lab.client.call('CreateVM_Task', lab.vmFolder, `<config>${spec}</config>${ref('pool', lab.pool)}`);

/** Each must be refused, however well the rest is. */
const refused: readonly (readonly [rule: string, fault: string, call: () => Promise<unknown>])[] = [
  ['elements out of schema order', 'InvalidRequest', () => createVm('<guestId>otherGuest</guestId><name>a</name>')],
  ['an unknown element', 'InvalidRequest', () => createVm('<name>a</name><colour>red</colour>')],
  ['an element twice', 'InvalidRequest', () => createVm('<name>a</name><name>b</name>')],
  ['a missing required element', 'InvalidRequest', () => lab.client.call('CreateVM_Task', lab.vmFolder, '<config/>')],
  [
    'arguments in another order',
    'InvalidRequest',
    () => lab.client.call('CreateVM_Task', lab.vmFolder, `${ref('pool', lab.pool)}<config>${vmSpec()}</config>`),
  ],
  [
    'a disk before its backing',
    'InvalidRequest',
    () => createVm(vmSpec({ changes: newDisk().replace(/(<key>.*?<\/key>)(<backing.*<\/backing>)/, '$2$1') })),
  ],
  [
    'an abstract type without xsi:type',
    'InvalidType',
    () => createVm(vmSpec({ changes: newDisk().replace(' xsi:type="VirtualDisk"', '') })),
  ],
  [
    'an xsi:type that does not extend the declared one',
    'InvalidType',
    () => createVm(vmSpec({ changes: newDisk().replace('"VirtualDisk"', '"ManagedByInfo"') })),
  ],
  [
    'an abstract xsi:type',
    'InvalidType',
    () => createVm(vmSpec({ changes: controller(-100, 0, 'VirtualSCSIController') })),
  ],
  ['an unknown xsi:type', 'InvalidType', () => createVm(vmSpec({ changes: controller(-100, 0, 'VirtualToaster') }))],
  [
    'a value of any type without xsi:type',
    'InvalidType',
    () => createVm('<name>a</name><extraConfig><key>k</key><value>v</value></extraConfig>'),
  ],
  [
    'an xsi:type whose prefix is not declared',
    'InvalidType',
    () => createVm('<name>a</name><extraConfig><key>k</key><value xsi:type="xs:string">v</value></extraConfig>'),
  ],
  ['a number that is none', 'InvalidRequest', () => createVm('<name>a</name><numCPUs>one</numCPUs>')],
  ['a number out of range', 'InvalidRequest', () => createVm('<name>a</name><numCPUs>2147483648</numCPUs>')],
  [
    'a boolean that is none',
    'InvalidRequest',
    () => createVm(vmSpec({ changes: newDisk().replace('>true<', '>yes<') })),
  ],
  ['xsi:nil', 'InvalidRequest', () => createVm('<name>a</name><annotation xsi:nil="true"/>')],
  ['an unknown attribute', 'InvalidRequest', () => createVm('<name lang="en">a</name>')],
  ['text between elements', 'InvalidRequest', () => createVm('<name>a</name>and')],
  ['elements inside a scalar', 'InvalidRequest', () => createVm('<name><b>a</b></name>')],
  ['another namespace', 'InvalidRequest', () => createVm('<name xmlns="urn:other">a</name>')],
  [
    'a reference without type',
    'InvalidType',
    () => lab.client.call('CreateVM_Task', lab.vmFolder, `<config>${vmSpec()}</config><pool>${lab.pool.value}</pool>`),
  ],
  [
    'a reference to an object of another type',
    'InvalidArgument',
    () => lab.client.call('CreateVM_Task', lab.vmFolder, `<config>${vmSpec()}</config>${ref('pool', lab.vmFolder)}`),
  ],
  [
    'a reference to nothing',
    'ManagedObjectNotFound',
    () => lab.client.call('ExportVm', { type: 'VirtualMachine', value: 'vm-999' }),
  ],
  [
    'a reference whose type is not the object’s',
    'ManagedObjectNotFound',
    () => lab.client.call('ExportVm', { type: 'VirtualMachine', value: lab.vmFolder.value }),
  ],
  ['a method of another type', 'MethodNotFound', () => lab.client.call('ExportVm', lab.vmFolder)],
  ['a method that does not exist', 'MethodNotFound', () => lab.client.call('MakeCoffee_Task', lab.vmFolder)],
];

describe('what is refused', () => {
  it.each(refused)('%s', async (_rule, fault, call) => {
    await expect(call()).rejects.toMatchObject({ type: fault });
    expect(lab.simulator.vms()).toEqual([]);
  });

  it.each([
    ['what is no XML', 'hello'],
    ['XML that is cut short', envelope('CurrentTime', '').slice(0, -20)],
    ['another document', '<a/>'],
    ['a document type declaration', `<!DOCTYPE a [<!ENTITY b "c">]>${envelope('CurrentTime', '').slice(38)}`],
    ['a call without _this', envelope('CurrentTime', '')],
    ['two calls at once', envelope('a', '').replace('<a', '<b xmlns="urn:vim25"/><a')],
    ['another namespace of the method', envelope('CurrentTime', '').replace('urn:vim25', 'urn:vim2')],
  ])('%s', async (_rule, body) => {
    const reply = await lab.client.post(body);
    expect(reply.status).toBe(500);
    expect(reply.body).toContain('<InvalidRequestFault xmlns="urn:vim25" xsi:type="InvalidRequest">');
  });
});

describe('what is accepted', () => {
  it('a spec in schema order, a scalar with its xsi:type or its version, a prefix of the client’s choice', async () => {
    const spec = vmSpec({ name: 'accepted', extraConfig: { k: 'a &lt;b&gt; &amp; c' } });
    const body = envelope(
      'CreateVM_Task',
      `${ref('_this', lab.vmFolder)}<config>${spec}</config>${ref('pool', lab.pool)}`,
    )
      .replace('xmlns="urn:vim25"', 'xmlns="urn:vim25" xmlns:xs="http://www.w3.org/2001/XMLSchema"')
      .replace('xsi:type="xsd:string"', 'xsi:type="xs:string"')
      .replace('<name>', '<name xsi:type="xsd:string" versionId="8.0.3.0">');
    const reply = await lab.client.post(body);
    expect(reply.status).toBe(200);
    const task = /<returnval type="Task">(.*?)</.exec(reply.body)![1]!;
    const info = await lab.client.taskEnd({ type: 'Task', value: task });
    expect(textAt(info, 'state')).toBe('success');
    expect(lab.simulator.vm('accepted')!.extraConfig).toEqual({ k: 'a <b> & c' });
  });

  it('an xsd: that is not declared, as oslo.vmware writes it', async () => {
    const spec = vmSpec({ name: 'undeclared', extraConfig: { k: 'v' } });
    const body = envelope(
      'CreateVM_Task',
      `${ref('_this', lab.vmFolder)}<config>${spec}</config>${ref('pool', lab.pool)}`,
    ).replace(' xmlns:xsd="http://www.w3.org/2001/XMLSchema"', '');
    expect((await lab.client.post(body)).status).toBe(200);
  });
});

describe('faults', () => {
  it('name their type and carry their fields', async () => {
    const vm = await lab.createVm(vmSpec({ name: 'twice' }));
    const error: unknown = await lab.createVm(vmSpec({ name: 'twice' })).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ type: 'DuplicateName' });
    const { detail } = error as { detail: Parameters<typeof at>[0] };
    expect(textAt(detail, 'name')).toBe('twice');
    expect(at(detail, 'object')).toMatchObject({ text: vm.value, attributes: { type: 'VirtualMachine' } });
  });
});
