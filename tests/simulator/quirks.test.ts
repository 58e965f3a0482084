import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Lab, openLab } from './support/lab.js';
import { type Ref, ref } from './support/soap-client.js';
import { vmSpec } from './support/specs.js';
import { textAt } from './support/xml-node.js';

const MIB = 2 ** 20;
let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
});
afterEach(() => lab.close());

const addVm = async (name: string) => {
  const { ref: vm, disks } = await lab.simulator.addVm({ name, disk: { capacityBytes: MIB }, extraConfig: { a: '1' } });
  return { vm, path: disks[0]!.path };
};
const version = async (vm: Ref) => (await lab.client.property(vm, 'config.changeVersion'))!.text;
const reconfigure = (vm: Ref, spec: string) => lab.client.task('ReconfigVM_Task', vm, `<spec>${spec}</spec>`);
const extra = (value: string) => `<extraConfig><key>a</key><value xsi:type="xsd:string">${value}</value></extraConfig>`;
const dc = (name = 'datacenter') => ref(name, lab.datacenter);

describe('changeVersion', () => {
  it('is moved on by all that changes a VM, and refuses who names an earlier one', async () => {
    const { vm } = await addVm('a');
    const first = await version(vm);
    const versions = new Set([first]);
    const changes: (() => Promise<unknown>)[] = [
      () => reconfigure(vm, extra('1')),
      () => reconfigure(vm, '<name>b</name>'),
      () => lab.client.task('Rename_Task', vm, '<newName>c</newName>'),
      () => lab.client.task('CreateSnapshot_Task', vm, '<name>s</name><memory>false</memory><quiesce>false</quiesce>'),
      () => lab.client.task('RemoveAllSnapshots_Task', vm),
      async () => lab.simulator.administrator.relocateVm('c'),
    ];
    for (const change of changes) {
      await change();
      versions.add(await version(vm));
    }
    expect(versions.size).toBe(changes.length + 1);
    const stale = reconfigure(vm, `<changeVersion>${first}</changeVersion>${extra('2')}`);
    await expect(stale).rejects.toMatchObject({ type: 'ConcurrentAccess' });
    await reconfigure(vm, `<changeVersion>${await version(vm)}</changeVersion>${extra('2')}`);
  });

  it.each([
    ['changed', true],
    ['never', false],
  ] as const)('moves on by extraConfig alone where it is %s', async (extraConfigMovesChangeVersion, moves) => {
    const { vm } = await addVm('a');
    lab.simulator.setQuirks({ extraConfigMovesChangeVersion });
    const first = await version(vm);
    await reconfigure(vm, extra('1'));
    expect(await version(vm)).toBe(first);
    await reconfigure(vm, extra('2'));
    expect((await version(vm)) !== first).toBe(moves);
    expect(lab.simulator.vm('a')!.extraConfig).toEqual({ a: '2' });
  });

  it('may not be looked at where a name is given', async () => {
    const { vm } = await addVm('a');
    const stale = `<changeVersion>stale</changeVersion><name>b</name>`;
    await expect(reconfigure(vm, stale)).rejects.toMatchObject({ type: 'ConcurrentAccess' });
    lab.simulator.setQuirks({ nameHonoursChangeVersion: false });
    await reconfigure(vm, stale);
    expect(lab.simulator.vm('b')).toBeDefined();
  });
});

it('may give an imported VM another BIOS UUID', async () => {
  const uuid = randomUUID();
  const importVm = async (name: string) => {
    const spec = vmSpec({ name }).replace('<files>', `<uuid>${uuid}</uuid><files>`);
    const args = `<spec xsi:type="VirtualMachineImportSpec"><configSpec>${spec}</configSpec></spec>${ref('folder', lab.vmFolder)}`;
    await lab.client.callForRef('ImportVApp', lab.pool, args);
    return lab.simulator.vm(name)!.uuid;
  };
  expect(await importVm('a')).toBe(uuid);
  lab.simulator.setQuirks({ keepsImportedUuid: false });
  expect(await importVm('b')).not.toBe(uuid);
});

it('may delete a VM’s files and fail to remove the VM', async () => {
  const { vm } = await addVm('a');
  lab.simulator.setQuirks({ atomicDestroy: false });
  await expect(lab.client.task('Destroy_Task', vm)).rejects.toMatchObject({ type: 'SystemError' });
  expect(lab.simulator.vm('a')).toMatchObject({ disks: [{ missing: true }] });
  await lab.client.task('Destroy_Task', vm);
  expect(lab.simulator.files()).toEqual([]);
});

it('may not move disks, nor set their UUIDs', async () => {
  const { path } = await addVm('a');
  lab.simulator.setQuirks({ moveDiskFault: 'NotSupported', setDiskUuidFault: 'CannotAccessFile' });
  const manager = lab.client.manager('VirtualDiskManager');
  const move = lab.client.task(
    'MoveVirtualDisk_Task',
    manager,
    `<sourceName>${path}</sourceName>${dc('sourceDatacenter')}<destName>[datastore1] a/b.vmdk</destName>`,
  );
  await expect(move).rejects.toMatchObject({ type: 'NotSupported' });
  const set = lab.client.call('SetVirtualDiskUuid', manager, `<name>${path}</name>${dc()}<uuid>${randomUUID()}</uuid>`);
  await expect(set).rejects.toMatchObject({ type: 'CannotAccessFile' });
});

it('may have datastores that decide provisioning, or show no layout', async () => {
  await using other = await openLab({
    datacenters: [
      {
        name: 'dc',
        clusters: [{ name: 'c', hosts: [{ name: 'h' }] }],
        datastores: [
          { name: 'vsan', type: 'vsan', provisioning: 'thin', layout: false },
          { name: 'array', provisioning: 'eagerZeroedThick' },
        ],
      },
    ],
  });
  const { ref: vm } = await other.simulator.addVm({ name: 'a', disk: { capacityBytes: MIB, provisioning: 'thick' } });
  expect(other.simulator.vm('a')!.disks[0]!.provisioning).toBe('thin');
  expect(await other.client.property(vm, 'layout')).toBeUndefined();
  other.simulator.administrator.relocateVm('a', 'array');
  expect(other.simulator.vm('a')!.disks[0]!.provisioning).toBe('eagerZeroedThick');
  expect(textAt(await other.client.property(vm, 'layout'), 'disk.diskFile')).toBe('[array] a/a.vmdk');
});
