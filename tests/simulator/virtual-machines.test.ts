import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Lab, openLab } from './support/lab.js';
import { ref, refsOf } from './support/soap-client.js';
import { controller, disk, newDisk, vmSpec } from './support/specs.js';
import { all, at, textAt } from './support/xml-node.js';

const MIB = 2 ** 20;
const uuid = '0f2b8a52-7b7a-4f0e-9d6e-2f6a3f1c9a11';

let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
});
afterEach(() => lab.close());

const addVm = async (name: string, capacityBytes = MIB) => {
  const { ref: vm, disks } = await lab.simulator.addVm({ name, disk: { capacityBytes } });
  return { vm, path: disks[0]!.path, key: disks[0]!.key };
};
const reconfigure = (vm: { type: string; value: string }, spec: string) =>
  lab.client.task('ReconfigVM_Task', vm, `<spec>${spec}</spec>`);
const disksOf = (name: string) => lab.simulator.vm(name)!.disks;
const remove = (key: number, fileName: string, fileOperation?: string) =>
  disk({ operation: 'remove', key, fileName, ...(fileOperation === undefined ? {} : { fileOperation }) });

describe('CreateVM_Task', () => {
  it('maps keys of new devices, whatever their order, and names files after the VM', async () => {
    await lab.createVm(vmSpec({ name: 'vol', instanceUuid: uuid, extraConfig: { 'cinder.volume.id': uuid } }));
    const vm = lab.simulator.vm('vol')!;
    expect(vm).toMatchObject({
      instanceUuid: uuid,
      vmPathName: '[datastore1] vol/vol.vmx',
      extraConfig: { 'cinder.volume.id': uuid },
      disks: [
        {
          key: 2000,
          controllerKey: 1000,
          unitNumber: 0,
          path: '[datastore1] vol/vol.vmdk',
          provisioning: 'thin',
          capacityBytes: MIB,
          adapterType: 'lsilogic',
        },
      ],
    });
    expect(vm.disks[0]!.uuid).toMatch(/^6000C29[0-9A-F]-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
    expect(lab.simulator.files().map(({ path }) => path)).toEqual([
      '[datastore1] vol',
      '[datastore1] vol/vol.vmdk',
      '[datastore1] vol/vol.vmx',
    ]);
  });

  it('makes disks as they are asked for', async () => {
    await lab.createVm(vmSpec({ name: 'thick', changes: newDisk({ thin: false }) + controller() }));
    await lab.createVm(vmSpec({ name: 'eager', changes: newDisk({ thin: false, eager: true }) + controller() }));
    await lab.createVm(vmSpec({ name: 'pv', changes: controller(-100, 0, 'ParaVirtualSCSIController') + newDisk() }));
    await lab.createVm(vmSpec({ name: 'ide', changes: newDisk({ controllerKey: 200 }) }));
    expect(
      ['thick', 'eager', 'pv', 'ide'].map((name) => [disksOf(name)[0]!.provisioning, disksOf(name)[0]!.adapterType]),
    ).toEqual([
      ['thick', 'lsilogic'],
      ['eagerZeroedThick', 'lsilogic'],
      ['thin', 'pvscsi'],
      ['thin', 'ide'],
    ]);
  });

  it('takes another directory where the one of its name is there', async () => {
    const { client, datacenter } = lab;
    await client.call(
      'MakeDirectory',
      client.manager('FileManager'),
      `<name>[datastore1] vol</name>${ref('datacenter', datacenter)}`,
    );
    await lab.createVm(vmSpec({ name: 'vol' }));
    expect(lab.simulator.vm('vol')!.vmPathName).toBe('[datastore1] vol_1/vol.vmx');
  });

  it('puts its files where the spec says', async () => {
    await lab.createVm(vmSpec({ name: 'a', path: '[datastore2] home/b.vmx' }));
    expect(lab.simulator.vm('a')).toMatchObject({
      vmPathName: '[datastore2] home/b.vmx',
      disks: [{ path: '[datastore2] home/b.vmdk' }],
    });
  });

  it('gives an instance UUID to one VM only', async () => {
    await lab.createVm(vmSpec({ name: 'first', instanceUuid: uuid }));
    await lab.createVm(vmSpec({ name: 'second', instanceUuid: uuid }));
    expect(lab.simulator.vm('first')!.instanceUuid).toBe(uuid);
    expect(lab.simulator.vm('second')!.instanceUuid).not.toBe(uuid);
  });

  it.each([
    ['a name that is taken', 'DuplicateName', vmSpec({ name: 'taken' })],
    ['no place', 'InvalidVmConfig', '<name>a</name>'],
    ['an unknown datastore', 'InvalidDatastore', vmSpec({ path: '[nowhere]' })],
    ['a path that is none', 'InvalidDatastorePath', vmSpec({ path: 'datastore1/a' })],
    ['a path that leads out', 'InvalidDatastorePath', vmSpec({ path: '[datastore1] ../a.vmx' })],
    ['a name that is too long', 'InvalidName', vmSpec({ name: 'x'.repeat(81) })],
    ['an instance UUID that is none', 'InvalidArgument', vmSpec({ instanceUuid: 'abc' })],
    ['a disk on no controller', 'InvalidDeviceSpec', vmSpec({ changes: newDisk() })],
    ['a disk on unit 7', 'InvalidDeviceSpec', vmSpec({ changes: controller() + newDisk({ unitNumber: 7 }) })],
    [
      'two disks on one unit',
      'InvalidDeviceSpec',
      vmSpec({ changes: controller() + newDisk() + newDisk({ key: -102 }) }),
    ],
    ['two controllers on one bus', 'InvalidDeviceSpec', vmSpec({ changes: controller() + controller(-101) })],
    ['a disk without capacity', 'InvalidDeviceSpec', vmSpec({ changes: controller() + newDisk({ capacityKb: 0 }) })],
    [
      'an existing disk that is missing',
      'FileNotFound',
      vmSpec({ changes: controller() + disk({ fileName: '[datastore1] a/a.vmdk' }) }),
    ],
    [
      'a disk larger than the datastore',
      'NoDiskSpace',
      vmSpec({ changes: controller() + newDisk({ thin: false, capacityKb: 2 ** 34 }) }),
    ],
    [
      'the file of another’s disk',
      'FileAlreadyExists',
      vmSpec({ changes: controller() + newDisk({ fileName: '[datastore1] taken/taken.vmdk' }) }),
    ],
  ])('refuses %s and does nothing', async (_what, type, spec) => {
    await lab.createVm(vmSpec({ name: 'taken' }));
    const before = await lab.simulator.state();
    await expect(lab.createVm(spec)).rejects.toMatchObject({ type });
    expect(await lab.simulator.state()).toEqual(before);
  });
});

describe('ReconfigVM_Task', () => {
  it('exchanges a disk in one step, the old file being kept', async () => {
    const a = await addVm('a');
    const b = await addVm('b', 2 * MIB);
    await lab.simulator.writeDisk(b.path, randomBytes(1000));
    const content = await lab.simulator.diskSha256(b.path);
    await reconfigure(b.vm, remove(b.key, b.path));
    await reconfigure(a.vm, remove(a.key, a.path) + disk({ fileName: b.path, controllerKey: 1000, capacityKb: 2048 }));
    expect(disksOf('a')).toMatchObject([{ path: b.path, key: 2000, unitNumber: 0, capacityBytes: 2 * MIB }]);
    expect(await lab.simulator.diskSha256(disksOf('a')[0]!.path)).toBe(content);
    expect(lab.simulator.leftovers()).toEqual([
      { kind: 'disk-file', what: a.path },
      { kind: 'vm-without-disk', what: 'b' },
    ]);
  });

  it('applies all of a spec or nothing', async () => {
    const { vm, path, key } = await addVm('a');
    const before = await lab.simulator.state();
    const spec =
      '<name>other</name>' +
      remove(key, path, 'destroy') +
      disk({ fileName: '[datastore1] gone/gone.vmdk', controllerKey: 1000 }) +
      '<extraConfig><key>k</key><value xsi:type="xsd:string">v</value></extraConfig>';
    await expect(reconfigure(vm, spec)).rejects.toMatchObject({ type: 'FileNotFound' });
    expect(await lab.simulator.state()).toEqual(before);
  });

  it('applies what comes before a failure where it is told not to be atomic', async () => {
    await using other = await openLab({ atomicReconfigure: false });
    const { ref: vm, disks } = await other.simulator.addVm({ name: 'a', disk: { capacityBytes: MIB } });
    const spec =
      remove(disks[0]!.key, disks[0]!.path) + disk({ fileName: '[datastore1] gone/gone.vmdk', controllerKey: 1000 });
    await expect(other.client.task('ReconfigVM_Task', vm, `<spec>${spec}</spec>`)).rejects.toMatchObject({
      type: 'FileNotFound',
    });
    expect(other.simulator.vm('a')!.disks).toEqual([]);
  });

  it('sets and removes extraConfig, and changes identity', async () => {
    const { vm } = await addVm('a');
    const option = (key: string, value: string) =>
      `<extraConfig><key>${key}</key><value xsi:type="xsd:string">${value}</value></extraConfig>`;
    await reconfigure(vm, option('one', '1') + option('two', '2'));
    await reconfigure(
      vm,
      `<name>b</name><instanceUuid>${uuid}</instanceUuid>${option('one', '')}${option('two', '3')}` +
        '<managedBy><extensionKey>org.example</extensionKey><type>volume</type></managedBy>',
    );
    expect(lab.simulator.vm('b')).toMatchObject({
      ref: vm,
      instanceUuid: uuid,
      extraConfig: { two: '3' },
      managedBy: { extensionKey: 'org.example', type: 'volume' },
    });
  });

  it('grows a disk and sets its UUID', async () => {
    const { vm, path, key } = await addVm('a');
    const edit = (capacityKb: number) =>
      disk({ operation: 'edit', key, fileName: path, controllerKey: 1000, capacityKb, uuid });
    await reconfigure(vm, edit(2048));
    expect(disksOf('a')).toMatchObject([{ capacityBytes: 2 * MIB, uuid: '0F2B8A52' + uuid.slice(8) }]);
    await expect(reconfigure(vm, edit(1024))).rejects.toMatchObject({ type: 'InvalidDeviceSpec' });
  });

  it('deletes the file of a removed disk where it is told to', async () => {
    const { vm, path, key } = await addVm('a');
    await reconfigure(vm, remove(key, path, 'destroy'));
    expect(lab.simulator.files().some((file) => file.path === path)).toBe(false);
  });

  it('refuses a disk that a running VM has, or that is locked, or of another size', async () => {
    const a = await addVm('a');
    const b = await addVm('b');
    const attach = (capacityKb = 1024) => disk({ fileName: b.path, controllerKey: 1000, unitNumber: 1, capacityKb });
    lab.simulator.powerOn('b');
    await expect(reconfigure(a.vm, attach())).rejects.toMatchObject({ type: 'FileLocked' });
    lab.simulator.powerOff('b');
    lab.simulator.lockFile(b.path);
    await expect(reconfigure(a.vm, attach())).rejects.toMatchObject({ type: 'FileLocked' });
    lab.simulator.unlockFile(b.path);
    await expect(reconfigure(a.vm, attach(2048))).rejects.toMatchObject({ type: 'InvalidDeviceSpec' });
    await reconfigure(a.vm, attach());
    expect(disksOf('a')).toHaveLength(2);
  });

  it('does not take disks from a VM that runs or has snapshots', async () => {
    const { vm, path, key } = await addVm('a');
    lab.simulator.powerOn('a');
    await expect(reconfigure(vm, remove(key, path))).rejects.toMatchObject({ type: 'InvalidPowerState' });
    lab.simulator.powerOff('a');
    lab.simulator.createSnapshot('a');
    await expect(reconfigure(vm, remove(key, path))).rejects.toMatchObject({ type: 'InvalidState' });
    lab.simulator.removeAllSnapshots('a');
    await reconfigure(vm, remove(key, path));
    expect(disksOf('a')).toEqual([]);
  });

  it('does one thing at a time to a VM', async () => {
    const { vm } = await addVm('a');
    lab.simulator.setLatency({ taskMs: 2_000 });
    const first = await lab.client.callForRef('Rename_Task', vm, '<newName>b</newName>');
    await expect(reconfigure(vm, '<name>c</name>')).rejects.toMatchObject({ type: 'TaskInProgress' });
    await lab.client.taskEnd(first);
    expect(lab.simulator.vms().map(({ name }) => name)).toEqual(['b']);
  });
});

describe('other operations', () => {
  it('Destroy_Task deletes what is the VM’s and nothing else', async () => {
    const { vm, path, key } = await addVm('a');
    const other = await addVm('b');
    await reconfigure(vm, remove(key, path));
    await lab.client.task('Destroy_Task', vm);
    expect(lab.simulator.vm('a')).toBeUndefined();
    expect(lab.simulator.files().map((file) => file.path)).toEqual(expect.arrayContaining([path, other.path]));
    await lab.client.task('Destroy_Task', other.vm);
    expect(lab.simulator.files().map((file) => file.path)).toEqual(['[datastore1] a', path]);
  });

  it('Destroy_Task refuses a VM that runs', async () => {
    const { vm } = await addVm('a');
    lab.simulator.powerOn('a');
    await expect(lab.client.task('Destroy_Task', vm)).rejects.toMatchObject({ type: 'InvalidPowerState' });
  });

  it('Rename_Task refuses a name that is taken', async () => {
    const { vm } = await addVm('a');
    await addVm('b');
    await expect(lab.client.task('Rename_Task', vm, '<newName>b</newName>')).rejects.toMatchObject({
      type: 'DuplicateName',
    });
  });

  it('CreateFolder, MoveIntoFolder_Task and the lookups', async () => {
    const { client, vmFolder } = lab;
    const { vm } = await addVm('a');
    const folder = await client.callForRef('CreateFolder', vmFolder, '<name>50% a/b</name>');
    expect((await client.property(folder, 'name'))!.text).toBe('50%25 a%2fb');
    await expect(client.call('CreateFolder', vmFolder, '<name>50%25 a%2fb</name>')).rejects.toMatchObject({
      type: 'DuplicateName',
    });
    await client.task('MoveIntoFolder_Task', folder, ref('list', vm));
    expect(refsOf(await client.property(folder, 'childEntity'))).toEqual([vm]);
    const index = client.manager('SearchIndex');
    expect(await client.callForRef('FindChild', index, `${ref('entity', folder)}<name>a</name>`)).toEqual(vm);
    expect(
      await client.callForRef('FindByInventoryPath', index, '<inventoryPath>DC0/vm/50%25 a%2fb/a</inventoryPath>'),
    ).toEqual(vm);
  });

  it('FindAllByUuid finds by instance UUID or BIOS UUID, as it is asked', async () => {
    const { ref: vm, uuid: bios } = await lab.simulator.addVm({ name: 'a', instanceUuid: uuid });
    const find = async (id: string, instance: boolean) => {
      const args = `<uuid>${id}</uuid><vmSearch>true</vmSearch><instanceUuid>${instance}</instanceUuid>`;
      return all(await lab.client.call('FindAllByUuid', lab.client.manager('SearchIndex'), args), 'returnval').length;
    };
    expect([await find(uuid, true), await find(uuid, false), await find(bios, false), await find(bios, true)]).toEqual([
      1, 0, 1, 0,
    ]);
    expect(vm.type).toBe('VirtualMachine');
  });

  it('RelocateVM_Task takes the bytes along', async () => {
    const { vm, path } = await addVm('a');
    await lab.simulator.writeDisk(path, randomBytes(5000));
    const content = await lab.simulator.diskSha256(path);
    const datastore = refsOf(await lab.client.property(lab.datacenter, 'datastore'))[1]!;
    await lab.client.task('RelocateVM_Task', vm, `<spec>${ref('datastore', datastore)}</spec>`);
    expect(disksOf('a')[0]!.path).toBe('[datastore2] a/a.vmdk');
    expect(await lab.simulator.diskSha256('[datastore2] a/a.vmdk')).toBe(content);
    expect(lab.simulator.files().map((file) => file.path)).toEqual([
      '[datastore2] a',
      '[datastore2] a/a.vmdk',
      '[datastore2] a/a.vmx',
    ]);
  });

  it('CloneVM_Task copies the bytes and gives the copy an identity of its own', async () => {
    const { vm, path } = await addVm('a');
    await lab.simulator.writeDisk(path, randomBytes(5000));
    const args = `${ref('folder', lab.vmFolder)}<name>copy</name><spec><location/><template>false</template><powerOn>false</powerOn></spec>`;
    await lab.client.task('CloneVM_Task', vm, args);
    const [a, copy] = [lab.simulator.vm('a')!, lab.simulator.vm('copy')!];
    expect(copy.disks[0]!.path).toBe('[datastore1] copy/copy.vmdk');
    expect(await lab.simulator.diskSha256(copy.disks[0]!.path)).toBe(await lab.simulator.diskSha256(path));
    expect(copy.disks[0]!.uuid).not.toBe(a.disks[0]!.uuid);
    expect(copy.instanceUuid).not.toBe(a.instanceUuid);
  });

  it('power and snapshots by call', async () => {
    const { vm } = await addVm('a');
    await lab.client.task('PowerOnVM_Task', vm);
    await expect(lab.client.task('PowerOnVM_Task', vm)).rejects.toMatchObject({ type: 'InvalidPowerState' });
    await expect(lab.client.call('ExportVm', vm)).rejects.toMatchObject({ type: 'InvalidPowerState' });
    await lab.client.task('PowerOffVM_Task', vm);
    await lab.client.task('CreateSnapshot_Task', vm, '<name>one</name><memory>false</memory><quiesce>false</quiesce>');
    expect(at(await lab.client.property(vm, 'snapshot'), 'rootSnapshotList.name')!.text).toBe('one');
    await lab.client.task('RemoveAllSnapshots_Task', vm);
    expect(await lab.client.property(vm, 'snapshot')).toBeUndefined();
  });

  it('CancelTask stops what can be stopped before its effect', async () => {
    const { vm } = await addVm('a');
    const datastore = refsOf(await lab.client.property(lab.datacenter, 'datastore'))[1]!;
    lab.simulator.setLatency({ taskMs: 600_000 });
    const task = await lab.client.callForRef('RelocateVM_Task', vm, `<spec>${ref('datastore', datastore)}</spec>`);
    await lab.client.call('CancelTask', task);
    const info = await lab.client.taskEnd(task);
    expect(at(info, 'error.fault')!.attributes['xsi:type']).toBe('RequestCanceled');
    expect(disksOf('a')[0]!.path).toBe('[datastore1] a/a.vmdk');
    await expect(lab.client.call('CancelTask', task)).rejects.toMatchObject({ type: 'InvalidState' });
  });

  it('tasks say what they were, and stay with their entity', async () => {
    const { vm } = await addVm('a');
    const info = await lab.client.task('Rename_Task', vm, '<newName>b</newName>');
    expect(textAt(info, 'descriptionId')).toBe('ManagedEntity.rename');
    expect(textAt(info, 'entityName')).toBe('a');
    expect(refsOf(await lab.client.property(vm, 'recentTask'))).toEqual([{ type: 'Task', value: textAt(info, 'key') }]);
    expect(refsOf(await lab.client.property(lab.client.manager('TaskManager'), 'recentTask'))).toHaveLength(1);
  });
});
