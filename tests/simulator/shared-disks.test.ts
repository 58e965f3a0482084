import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Lab, openLab } from './support/lab.js';
import { type Ref, ref, refsOf } from './support/soap-client.js';
import { disk } from './support/specs.js';
import { all, at, textAt, type XmlNode } from './support/xml-node.js';

const MIB = 2 ** 20;
let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
});
afterEach(() => lab.close());

const disks = (method: string, args: string) => lab.client.task(method, lab.client.manager('VirtualDiskManager'), args);
const dc = (name = 'datacenter') => ref(name, lab.datacenter);
const deleteDisk = (path: string) => disks('DeleteVirtualDisk_Task', `<name>${path}</name>${dc()}`);
const paths = () => lab.simulator.files().flatMap(({ kind, path }) => (kind === 'disk' ? [path] : []));
const diskOf = (name: string) => lab.simulator.vm(name)!.disks[0]!;
const changeVersion = async (vm: Ref) => (await lab.client.property(vm, 'config.changeVersion'))!.text;
const reconfigure = (vm: Ref, spec: string) => lab.client.task('ReconfigVM_Task', vm, `<spec>${spec}</spec>`);
const attach = (vm: Ref, fileName: string) =>
  reconfigure(vm, disk({ fileName, controllerKey: 1000, unitNumber: 1, capacityKb: 0 }));

/** A VM with a disk that holds something. */
async function addVm(name: string) {
  const { ref: vm, disks: own } = await lab.simulator.addVm({ name, disk: { capacityBytes: 4 * MIB } });
  await lab.simulator.writeDisk(own[0]!.path, randomBytes(MIB), MIB / 2);
  return { vm, path: own[0]!.path };
}

const typeOf = (node: XmlNode | undefined) => node?.attributes['xsi:type']?.replace(/^.*:/, '');

/** The files of each disk, as `layout` names them. */
async function layoutOf(vm: Ref): Promise<string[][]> {
  const layout = await lab.client.property(vm, 'layout');
  return all(layout, 'disk').map((entry) => all(entry, 'diskFile').map(({ text }) => text));
}

describe('a disk of several VMs', () => {
  it('can be attached to any number of VMs that are off, and runs in one', async () => {
    const { path } = await addVm('a');
    const b = await lab.simulator.addVm({ name: 'b', disk: { path } });
    const c = await addVm('c');
    await attach(c.vm, path);
    expect(diskOf('b').path).toBe(path);
    expect(lab.simulator.files().find((file) => file.path === path)!.attachedVms).toHaveLength(3);
    lab.simulator.powerOn('a');
    await expect(lab.client.task('PowerOnVM_Task', b.ref)).rejects.toMatchObject({ type: 'FileLocked' });
    await expect(deleteDisk(path)).rejects.toMatchObject({ type: 'FileLocked' });
    await expect(lab.client.call('ExportVm', b.ref)).rejects.toMatchObject({ type: 'FileLocked' });
  });

  it('runs in several where all of them share it for writing', async () => {
    const { disks: own } = await lab.simulator.addVm({ name: 'a', disk: { capacityBytes: MIB, multiWriter: true } });
    const b = await lab.simulator.addVm({ name: 'b', disk: { path: own[0]!.path, multiWriter: true } });
    lab.simulator.powerOn('a');
    await lab.client.task('PowerOnVM_Task', b.ref);
    expect(lab.simulator.vm('b')!.powerState).toBe('poweredOn');
  });

  it('is deleted, moved and destroyed under VMs that are off; they are left with a device that leads nowhere', async () => {
    const { vm, path } = await addVm('a');
    const b = await lab.simulator.addVm({ name: 'b', disk: { path } });
    const moved = '[datastore1] b/moved.vmdk';
    await disks(
      'MoveVirtualDisk_Task',
      `<sourceName>${path}</sourceName>${dc('sourceDatacenter')}<destName>${moved}</destName>`,
    );
    expect(diskOf('a')).toMatchObject({ path, missing: true, capacityBytes: 4 * MIB });
    await expect(lab.client.task('PowerOnVM_Task', vm)).rejects.toMatchObject({ type: 'FileNotFound' });
    await expect(lab.client.call('ExportVm', vm)).rejects.toMatchObject({ type: 'FileNotFound' });
    const shown = await lab.client.property(vm, 'config.hardware.device[2000].backing');
    expect(textAt(shown, 'fileName')).toBe(path);

    await disks(
      'MoveVirtualDisk_Task',
      `<sourceName>${moved}</sourceName>${dc('sourceDatacenter')}<destName>${path}</destName>`,
    );
    expect(diskOf('a').missing).toBe(false);
    await lab.client.task('Destroy_Task', b.ref);
    expect(diskOf('a').missing).toBe(true);
    // A VM whose file is gone can still be destroyed.
    await lab.client.task('Destroy_Task', vm);
    expect(lab.simulator.files()).toEqual([]);
  });

  it('is another disk as soon as another file lies where it was', async () => {
    const { path } = await addVm('a');
    const other = await addVm('b');
    await deleteDisk(path);
    const content = await lab.simulator.diskSha256(other.path);
    await disks(
      'MoveVirtualDisk_Task',
      `<sourceName>${other.path}</sourceName>${dc('sourceDatacenter')}<destName>${path}</destName>`,
    );
    expect(diskOf('a').missing).toBe(false);
    expect(await lab.simulator.diskSha256(diskOf('a').path)).toBe(content);
  });

  it('shows in layout and in Datastore.vm, page by page', async () => {
    const { path } = await addVm('a');
    await lab.simulator.addVm({ name: 'b', disk: { path } });
    await lab.simulator.addVm({ name: 'elsewhere', datastore: 'datastore2', disk: { path } });
    const [datastore] = refsOf(await lab.client.property(lab.datacenter, 'datastore'));
    const collector = lab.client.manager('PropertyCollector');
    let page = await lab.client.call(
      'RetrievePropertiesEx',
      collector,
      '<specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet><pathSet>layout.disk</pathSet></propSet>' +
        `<objectSet>${ref('obj', datastore!)}<skip>true</skip>` +
        '<selectSet xsi:type="TraversalSpec"><type>Datastore</type><path>vm</path></selectSet></objectSet></specSet>' +
        '<options><maxObjects>1</maxObjects></options>',
    );
    const seen: (string | undefined)[][] = [];
    for (;;) {
      const found = at(page, 'returnval.objects');
      const values = new Map(all(found, 'propSet').map((entry) => [textAt(entry, 'name'), at(entry, 'val')]));
      const files = at(values.get('layout.disk'), 'VirtualMachineFileLayoutDiskLayout.diskFile');
      seen.push([values.get('name')?.text, files?.text]);
      const token = textAt(page, 'returnval.token');
      if (token === undefined) break;
      page = await lab.client.call('ContinueRetrievePropertiesEx', collector, `<token>${token}</token>`);
    }
    expect(seen.sort()).toEqual(['a', 'b', 'elsewhere'].map((name) => [name, path]));
  });
});

describe('a disk that is built on another', () => {
  it('is what a snapshot leaves the VM with, and one file again when the snapshot is gone', async () => {
    const { vm, path } = await addVm('a');
    const before = await lab.simulator.diskSha256(path);
    const version = await changeVersion(vm);
    lab.simulator.createSnapshot('a');
    const delta = diskOf('a').path;
    expect(delta).toBe('[datastore1] a/a-000001.vmdk');
    expect(await changeVersion(vm)).not.toBe(version);
    expect(await layoutOf(vm)).toEqual([[path, delta]]);
    expect(await lab.simulator.diskSha256(delta)).toBe(before);
    const backing = await lab.client.property(vm, 'config.hardware.device[2000].backing');
    expect(textAt(backing, 'parent.fileName')).toBe(path);

    await lab.simulator.writeDisk(delta, randomBytes(100), MIB - 50);
    lab.simulator.createSnapshot('a');
    await lab.simulator.writeDisk(diskOf('a').path, randomBytes(100), 3 * MIB);
    const after = await lab.simulator.diskSha256(diskOf('a').path);
    expect(await lab.simulator.diskSha256(path)).toBe(before);
    lab.simulator.removeAllSnapshots('a');
    expect(diskOf('a')).toMatchObject({ path, parents: [] });
    expect(await lab.simulator.diskSha256(path)).toBe(after);
    expect(paths()).toEqual([path]);
  });

  it('is shown by the snapshot that keeps it, also when the VM has it no more', async () => {
    const { vm, path } = await addVm('a');
    const snapshotFiles = async () =>
      all(await lab.client.property(vm, 'layout'), 'snapshot').map((entry) =>
        all(entry, 'snapshotFile').map(({ text }) => text),
      );
    expect(await snapshotFiles()).toEqual([]);
    lab.simulator.createSnapshot('a', 'first');
    const delta = diskOf('a').path;
    lab.simulator.createSnapshot('a', 'second');
    // As a vCenter shows them: by full paths, the file of each disk after what is the snapshot's own.
    const vmsn = expect.stringMatching(/^\[datastore1\] a\/(first|second)-Snapshot\d+\.vmsn$/) as unknown;
    expect(await snapshotFiles()).toEqual([
      [vmsn, path],
      [vmsn, delta],
    ]);

    lab.simulator.setQuirks({ detachesUnderSnapshots: true });
    await lab.simulator.administrator.detachDisk('a', diskOf('a').path);
    expect(await layoutOf(vm)).toEqual([]);
    expect(await snapshotFiles()).toEqual([
      [vmsn, path],
      [vmsn, delta],
    ]);
    const current = (await lab.client.property(vm, 'snapshot.currentSnapshot'))!.text;
    const snapshot = { type: 'VirtualMachineSnapshot', value: current };
    const backing = await lab.client.property(snapshot, 'config.hardware.device[2000].backing');
    expect(textAt(backing, 'fileName')).toBe(delta);
    expect(textAt(backing, 'parent.fileName')).toBe(path);
  });

  it('can be left without a snapshot that tells why', async () => {
    const { vm, path } = await addVm('a');
    lab.simulator.createSnapshot('a');
    lab.simulator.removeAllSnapshots('a', { consolidate: false });
    expect(lab.simulator.vm('a')).toMatchObject({ snapshots: [], disks: [{ parents: [path] }] });
    expect(await lab.client.property(vm, 'snapshot')).toBeUndefined();
  });

  it('is exported as a whole', async () => {
    const { path } = await addVm('golden');
    const clone = await lab.simulator.addVm({ name: 'clone', disk: { parent: path } });
    await lab.simulator.writeDisk(clone.disks[0]!.path, randomBytes(5000), 2 * MIB - 2500);
    await disks(
      'CopyVirtualDisk_Task',
      `<sourceName>${clone.disks[0]!.path}</sourceName>${dc('sourceDatacenter')}<destName>[datastore1] clone/flat.vmdk</destName>`,
    );
    const flat = lab.simulator.files().find((file) => file.path === '[datastore1] clone/flat.vmdk')!;
    expect(flat.parent).toBeUndefined();
    expect(await lab.simulator.diskSha256(flat.path)).toBe(await lab.simulator.diskSha256(clone.disks[0]!.path));
  });

  it('is made by a linked clone of a snapshot, and cannot be read once its parent is gone, moved or of another size', async () => {
    const golden = await addVm('golden');
    lab.simulator.createSnapshot('golden');
    const snapshot = (await lab.client.property(golden.vm, 'snapshot.currentSnapshot'))!.text;
    await lab.client.task(
      'CloneVM_Task',
      golden.vm,
      `${ref('folder', lab.vmFolder)}<name>clone</name><spec><location><diskMoveType>createNewChildDiskBacking</diskMoveType>` +
        '</location><template>false</template><powerOn>false</powerOn>' +
        `<snapshot type="VirtualMachineSnapshot">${snapshot}</snapshot></spec>`,
    );
    const clone = lab.simulator.vm('clone')!;
    expect(clone.disks[0]!.parents).toEqual([golden.path]);
    lab.simulator.powerOn('clone');
    await expect(deleteDisk(golden.path)).rejects.toMatchObject({ type: 'FileLocked' });
    lab.simulator.powerOff('clone');

    const move = (from: string, to: string) =>
      disks(
        'MoveVirtualDisk_Task',
        `<sourceName>${from}</sourceName>${dc('sourceDatacenter')}<destName>${to}</destName>`,
      );
    await move(golden.path, '[datastore1] golden/x.vmdk');
    await expect(lab.client.call('ExportVm', clone.ref)).rejects.toMatchObject({ type: 'FileNotFound' });
    await move('[datastore1] golden/x.vmdk', golden.path);
    lab.simulator.removeAllSnapshots('golden', { consolidate: false });
    await disks('ExtendVirtualDisk_Task', `<name>${golden.path}</name>${dc()}<newCapacityKb>8192</newCapacityKb>`);
    await expect(lab.client.call('ExportVm', clone.ref)).rejects.toMatchObject({ type: 'GenericVmConfigFault' });
  });

  it('goes with what it is built on where its file is deleted, unless the server spares that', async () => {
    const golden = await addVm('golden');
    const one = await lab.simulator.addVm({ name: 'one', disk: { parent: golden.path } });
    const two = await lab.simulator.addVm({ name: 'two', disk: { parent: golden.path } });
    lab.simulator.setQuirks({ deleteParents: false });
    await deleteDisk(one.disks[0]!.path);
    expect(diskOf('golden').missing).toBe(false);
    lab.simulator.setQuirks({ deleteParents: true });
    await deleteDisk(two.disks[0]!.path);
    expect(diskOf('golden').missing).toBe(true);
  });

  it('is destroyed with its VM; what other VMs are built on stays', async () => {
    const golden = await addVm('golden');
    const one = await lab.simulator.addVm({ name: 'one', disk: { parent: golden.path } });
    const two = await lab.simulator.addVm({ name: 'two', disk: { parent: golden.path } });
    await lab.client.task('Destroy_Task', one.ref);
    expect(paths()).toEqual([golden.path, two.disks[0]!.path]);
    lab.simulator.createSnapshot('golden');
    lab.simulator.removeAllSnapshots('golden');
    expect(diskOf('golden').parents).toEqual([golden.path]);
    await lab.client.task('Destroy_Task', two.ref);
    await lab.client.task('Destroy_Task', golden.vm);
    expect(lab.simulator.files()).toEqual([]);
  });
});

describe('relocation', () => {
  it('gives files the VM’s name, moves the chain, and leaves other VMs behind', async () => {
    const { vm, path } = await addVm('a');
    const content = await lab.simulator.diskSha256(path);
    const { uuid } = diskOf('a');
    await lab.simulator.addVm({ name: 'b', disk: { path } });
    lab.simulator.createSnapshot('a');
    await lab.client.task('Rename_Task', vm, '<newName>new name</newName>');
    const version = await changeVersion(vm);
    const [, second] = refsOf(await lab.client.property(lab.datacenter, 'datastore'));
    await lab.client.task('RelocateVM_Task', vm, `<spec>${ref('datastore', second!)}</spec>`);
    // What is shared stays where it is; what is the VM's own goes.
    expect(lab.simulator.vm('new name')).toMatchObject({
      vmPathName: '[datastore2] new name/new name.vmx',
      disks: [{ path: '[datastore2] new name/new name.vmdk', parents: [path], uuid }],
    });
    expect(await changeVersion(vm)).not.toBe(version);
    expect(await lab.simulator.diskSha256(diskOf('new name').path)).toBe(content);
    expect(diskOf('b').missing).toBe(false);
  });

  it('moves a disk away from under another VM that has it', async () => {
    const { vm, path } = await addVm('a');
    await lab.simulator.addVm({ name: 'b', disk: { path } });
    const [, second] = refsOf(await lab.client.property(lab.datacenter, 'datastore'));
    await lab.client.task('RelocateVM_Task', vm, `<spec>${ref('datastore', second!)}</spec>`);
    expect(diskOf('a')).toMatchObject({ path: '[datastore2] a/a.vmdk', missing: false });
    expect(diskOf('b')).toMatchObject({ path, missing: true });
  });
});

describe('controllers and settings', () => {
  it('has disks at AHCI and NVMe controllers', async () => {
    await lab.simulator.addVm({
      name: 'a',
      disks: [
        { capacityBytes: MIB, adapterType: 'sata' },
        { capacityBytes: MIB, adapterType: 'nvme' },
        { capacityBytes: MIB, adapterType: 'nvme' },
      ],
    });
    expect(
      lab.simulator.vm('a')!.disks.map(({ controllerType, key, unitNumber }) => [controllerType, key, unitNumber]),
    ).toEqual([
      ['VirtualAHCIController', 16000, 0],
      ['VirtualNVMEController', 32000, 0],
      ['VirtualNVMEController', 32001, 1],
    ]);
  });

  it.each([
    ['seSparse', 'VirtualDiskSeSparseBackingInfo'],
    ['rawDiskMapping', 'VirtualDiskRawDiskMappingVer1BackingInfo'],
  ] as const)('shows a disk as backed otherwise where it is to be: %s', async (backing, type) => {
    const { vm, path } = await addVm('a');
    const other = await lab.simulator.addVm({ name: 'b', disk: { path, backing } });
    const shown = (of: Ref) => lab.client.property(of, 'config.hardware.device[2000].backing');
    expect([typeOf(await shown(vm)), typeOf(await shown(other.ref))]).toEqual(['VirtualDiskFlatVer2BackingInfo', type]);
    lab.simulator.createSnapshot('b');
    expect(typeOf(await shown(other.ref))).toBe(type);
    expect(textAt(await shown(other.ref), 'parent.fileName')).toBe(path);
  });

  it('keeps what is set on a device, until it is set anew', async () => {
    const { vm } = await addVm('a');
    const { path } = await addVm('b');
    const change = (operation: string, key: number, mode: string, shares: number) =>
      `<deviceChange><operation>${operation}</operation><device xsi:type="VirtualDisk"><key>${key}</key>` +
      `<backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>${path}</fileName><diskMode>${mode}</diskMode>` +
      '<writeThrough>true</writeThrough><digestEnabled>true</digestEnabled><deltaGrainSize>8</deltaGrainSize>' +
      '<sharing>sharingMultiWriter</sharing></backing><controllerKey>1000</controllerKey><unitNumber>3</unitNumber>' +
      `<capacityInKB>4096</capacityInKB><shares><shares>${shares}</shares><level>custom</level></shares>` +
      '<storageIOAllocation><limit>500</limit></storageIOAllocation><iofilter>f1</iofilter><iofilter>f2</iofilter>' +
      '</device></deviceChange>';
    const shown = async () => {
      const device = await lab.client.property(vm, 'config.hardware.device[2003]');
      return [
        textAt(device, 'backing.diskMode'),
        textAt(device, 'backing.writeThrough'),
        textAt(device, 'backing.digestEnabled'),
        textAt(device, 'backing.deltaGrainSize'),
        textAt(device, 'backing.sharing'),
        textAt(device, 'shares.shares'),
        textAt(device, 'storageIOAllocation.limit'),
        all(device, 'iofilter').map(({ text }) => text),
      ];
    };
    const rest = ['true', 'true', '8', 'sharingMultiWriter'];
    await reconfigure(vm, change('add', -1, 'independent_persistent', 2222));
    expect(await shown()).toEqual(['independent_persistent', ...rest, '2222', '500', ['f1', 'f2']]);
    await reconfigure(vm, change('edit', 2003, 'persistent', 3333));
    expect(await shown()).toEqual(['persistent', ...rest, '3333', '500', ['f1', 'f2']]);
    const plain = await lab.client.property(vm, 'config.hardware.device[2000]');
    expect(textAt(plain, 'shares.level')).toBe('normal');
  });
});
