import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Lab, openLab } from './support/lab.js';
import { type Ref, ref, refsOf } from './support/soap-client.js';
import { all, at, textAt } from './support/xml-node.js';

const MIB = 2 ** 20;
let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
});
afterEach(() => lab.close());

const admin = () => lab.simulator.administrator;
const vmNamed = (name: string) => lab.simulator.vm(name)!;
const addVm = (name: string) =>
  lab.simulator.addVm({ name, disk: { capacityBytes: MIB }, extraConfig: { 'cinder.volume.id': name } });
const changeVersion = async (vm: Ref) => (await lab.client.property(vm, 'config.changeVersion'))!.text;
const find = async (uuid: string, instanceUuid = true) =>
  all(
    await lab.client.call(
      'FindAllByUuid',
      lab.client.manager('SearchIndex'),
      `<uuid>${uuid}</uuid><vmSearch>true</vmSearch><instanceUuid>${instanceUuid}</instanceUuid>`,
    ),
    'returnval',
  ).map(({ text }) => text);

describe('a VM that leaves the inventory', () => {
  it('is nowhere, its files stay, and it comes back under another reference', async () => {
    const before = await addVm('a');
    await lab.simulator.writeDisk(before.disks[0]!.path, randomBytes(100));
    lab.simulator.createSnapshot('a');
    const content = await lab.simulator.diskSha256(vmNamed('a').disks[0]!.path);
    const vmx = admin().unregisterVm('a');
    expect(vmx).toBe(before.vmPathName);
    expect(await find(before.instanceUuid)).toEqual([]);
    await expect(lab.client.property(before.ref, 'name')).rejects.toMatchObject({ type: 'ManagedObjectNotFound' });
    expect(lab.simulator.files().filter(({ kind }) => kind === 'disk')).toHaveLength(2);

    const after = admin().registerVm(vmx);
    expect(after.ref).not.toEqual(before.ref);
    expect(after).toMatchObject({
      name: 'a',
      uuid: before.uuid,
      instanceUuid: before.instanceUuid,
      extraConfig: before.extraConfig,
      snapshots: ['snapshot'],
    });
    expect(await find(before.instanceUuid)).toEqual([after.ref.value]);
    expect(await lab.simulator.diskSha256(after.disks[0]!.path)).toBe(content);
    lab.simulator.removeAllSnapshots('a');
    await lab.client.task('Destroy_Task', after.ref);
    expect(lab.simulator.files()).toEqual([]);
  });

  it('does not while somebody works on it, and leaves its disk to whoever deletes it', async () => {
    const { ref: vm, disks } = await addVm('a');
    const task = admin().startTask({ vm: 'a', locks: true });
    expect(() => admin().unregisterVm('a')).toThrow('already in progress');
    task.end();
    const vmx = admin().unregisterVm('a');
    await lab.client.task(
      'DeleteVirtualDisk_Task',
      lab.client.manager('VirtualDiskManager'),
      `<name>${disks[0]!.path}</name>${ref('datacenter', lab.datacenter)}`,
    );
    admin().registerVm(vmx, { name: 'b' });
    expect(vmNamed('b')).toMatchObject({ disks: [{ missing: true }] });
    expect(vmNamed('b').ref).not.toEqual(vm);
  });

  it('goes with its host, and comes back with it', async () => {
    const { ref: vm, host, instanceUuid } = await addVm('a');
    const lease = await lab.client.callForRef('ExportVm', vm);
    admin().removeHost(host);
    expect(await find(instanceUuid)).toEqual([]);
    expect((await lab.client.property(lease, 'state'))!.text).toBe('error');
    admin().returnHost(host);
    expect(vmNamed('a').instanceUuid).toBe(instanceUuid);
    expect(vmNamed('a').ref).not.toEqual(vm);
    await lab.client.task('Destroy_Task', vmNamed('a').ref);
  });

  it('can be seen and not be touched while its host does not answer', async () => {
    const { ref: vm, host } = await addVm('a');
    admin().setHostState(host, 'notResponding');
    expect((await lab.client.property(vm, 'runtime.connectionState'))!.text).toBe('disconnected');
    await expect(lab.client.task('Destroy_Task', vm)).rejects.toMatchObject({ type: 'HostNotConnected' });
    await expect(lab.client.call('ExportVm', vm)).rejects.toMatchObject({ type: 'HostNotConnected' });
    admin().setHostState(host, 'connected');
    await lab.client.task('Destroy_Task', vm);
  });
});

describe('paths', () => {
  it('are as hosts have them where the server cannot name the datastore', async () => {
    const { ref: vm } = await addVm('a');
    const [datastore] = refsOf(await lab.client.property(vm, 'datastore'));
    const shown = async () => {
      const backing = await lab.client.property(vm, 'config.hardware.device[2000].backing');
      const layout = await lab.client.property(vm, 'layout');
      return ['fileName', 'datastore'].map((field) => textAt(backing, field)).concat(textAt(layout, 'disk.diskFile'));
    };
    admin().setDatastoreNames('a', 'unknown');
    const path = `[] /vmfs/volumes/${datastore!.value}/a/a.vmdk`;
    expect(await shown()).toEqual([path, undefined, path]);
    admin().setDatastoreNames('a', 'known');
    expect(await shown()).toEqual(['[datastore1] a/a.vmdk', datastore!.value, '[datastore1] a/a.vmdk']);
  });

  it('change with the datastore’s name', async () => {
    const { ref: vm, disks } = await addVm('a');
    admin().renameDatastore('datastore1', 'renamed');
    expect(vmNamed('a')).toMatchObject({ vmPathName: '[renamed] a/a.vmx', disks: [{ path: '[renamed] a/a.vmdk' }] });
    const layout = await lab.client.property(vm, 'layout');
    expect(textAt(layout, 'disk.diskFile')).toBe('[renamed] a/a.vmdk');
    const remove = (name: string) =>
      lab.client.task(
        'DeleteVirtualDisk_Task',
        lab.client.manager('VirtualDiskManager'),
        `<name>${name}</name>${ref('datacenter', lab.datacenter)}`,
      );
    await expect(remove(disks[0]!.path)).rejects.toMatchObject({ type: 'InvalidDatastore' });
    await remove('[renamed] a/a.vmdk');
  });

  it('change with storage vMotion; reference and UUIDs do not', async () => {
    const before = await addVm('a');
    const version = await changeVersion(before.ref);
    admin().relocateVm('a');
    const { uuid, instanceUuid, ref: vm } = before;
    expect(vmNamed('a')).toMatchObject({
      ref: vm,
      uuid,
      instanceUuid,
      vmPathName: '[datastore2] a/a.vmx',
      disks: [{ path: '[datastore2] a/a.vmdk', uuid: before.disks[0]!.uuid }],
    });
    expect(await changeVersion(vm)).not.toBe(version);
    admin().relocateVm('a', 'datastore1');
    expect(vmNamed('a').disks[0]!.path).toBe('[datastore1] a/a.vmdk');
  });
});

describe('others', () => {
  it('plant VMs that look like any other', async () => {
    const uuid = randomUUID();
    const config = { uuid, extraConfig: { 'vmdk-driver.operation': 'x' } };
    await lab.simulator.addVm({ name: 'one', ...config });
    await lab.simulator.addVm({ name: 'two', ...config, disks: [{ capacityBytes: MIB }, { capacityBytes: MIB }] });
    expect(await find(uuid, false)).toHaveLength(2);
    await admin().changeVm('one', { name: 'three', extraConfig: { 'vmdk-driver.operation': '', other: 'y' } });
    expect(vmNamed('three').extraConfig).toEqual({ other: 'y' });
  });

  it('attach and detach disks', async () => {
    const { disks } = await addVm('a');
    await addVm('b');
    await admin().attachDisk('b', { path: disks[0]!.path });
    await admin().attachDisk('b', { capacityBytes: MIB, adapterType: 'nvme' });
    expect(vmNamed('b').disks.map(({ controllerType }) => controllerType)).toEqual([
      'VirtualLsiLogicController',
      'VirtualLsiLogicController',
      'VirtualNVMEController',
    ]);
    await admin().detachDisk('b', disks[0]!.path);
    expect(vmNamed('b').disks).toHaveLength(2);
    expect(vmNamed('a').disks[0]!.missing).toBe(false);
    await admin().deleteFile(disks[0]!.path);
    expect(vmNamed('a').disks[0]!.missing).toBe(true);
  });

  it('have long tasks of their own', async () => {
    const { ref: vm } = await addVm('a');
    const copy = admin().startTask();
    const move = admin().startTask({ vm: 'a', userName: 'drs', locks: true });
    const info = await lab.client.property(move.ref, 'info');
    expect([textAt(info, 'state'), textAt(info, 'reason.userName')]).toEqual(['running', 'drs']);
    const recent = await lab.client.property({ type: 'TaskManager', value: 'TaskManager' }, 'recentTask');
    expect(refsOf(recent)).toEqual([copy.ref, move.ref]);
    await expect(lab.client.task('Destroy_Task', vm)).rejects.toMatchObject({ type: 'TaskInProgress' });
    move.end({ fault: 'NoDiskSpace', file: 'x', datastore: 'y' });
    copy.end();
    expect(
      lab.simulator
        .tasks()
        .map(({ state, error }) => [state, error])
        .slice(0, 2),
    ).toEqual([
      ['success', undefined],
      ['error', 'NoDiskSpace'],
    ]);
    await lab.client.task('Destroy_Task', vm);
  });

  it('log in under other names, which their tasks carry', async () => {
    await using other = await openLab({ users: [{ username: 'u2', password: 'p2' }] });
    const { client } = other;
    client.cookie = undefined;
    await client.call('Login', client.manager('SessionManager'), '<userName>u2</userName><password>p2</password>');
    const vm = await other.createVm();
    await client.task('Rename_Task', vm, '<newName>b</newName>');
    expect(other.simulator.tasks().map(({ userName }) => userName)).toEqual(['u2', 'u2']);
  });

  it('keep VMs to themselves', async () => {
    const { ref: vm, instanceUuid } = await addVm('a');
    await addVm('b');
    admin().setAccess('a', 'unreadable');
    const [datastore] = refsOf(await lab.client.property(lab.datacenter, 'datastore'));
    const listed = async () => {
      const reply = await lab.client.call(
        'RetrievePropertiesEx',
        lab.client.manager('PropertyCollector'),
        '<specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet><pathSet>layout</pathSet></propSet>' +
          `<objectSet>${ref('obj', datastore!)}<skip>true</skip>` +
          '<selectSet xsi:type="TraversalSpec"><type>Datastore</type><path>vm</path></selectSet></objectSet></specSet><options/>',
      );
      return all(at(reply, 'returnval'), 'objects').map((object) => [
        textAt(object, 'propSet.name'),
        all(object, 'missingSet').map((entry) => [
          textAt(entry, 'path'),
          at(entry, 'fault.fault')!.attributes['xsi:type'],
        ]),
      ]);
    };
    expect(await listed()).toEqual([
      [
        undefined,
        [
          ['name', 'NoPermission'],
          ['layout', 'NoPermission'],
        ],
      ],
      ['name', []],
    ]);
    await expect(lab.client.task('Destroy_Task', vm)).rejects.toMatchObject({ type: 'NoPermission' });
    expect(await find(instanceUuid)).toEqual([vm.value]);
    admin().setAccess('a', 'hidden');
    expect(await listed()).toEqual([['name', []]]);
    expect(await find(instanceUuid)).toEqual([]);
    admin().setAccess('a', 'full');
    expect(await listed()).toHaveLength(2);
  });
});
