import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Lab, openLab } from './support/lab.js';
import { ref, refsOf } from './support/soap-client.js';
import { disk } from './support/specs.js';
import { all, at, textAt } from './support/xml-node.js';

const MIB = 2 ** 20;
let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
});
afterEach(() => lab.close());

const disks = (method: string, args: string) => lab.client.task(method, lab.client.manager('VirtualDiskManager'), args);
const files = (method: string, args: string) => lab.client.task(method, lab.client.manager('FileManager'), args);
const dc = (name = 'datacenter') => ref(name, lab.datacenter);
const paths = () => lab.simulator.files().map(({ path }) => path);
const makeDirectory = (name: string, more = '') =>
  lab.client.call('MakeDirectory', lab.client.manager('FileManager'), `<name>${name}</name>${dc()}${more}`);

/** A disk that belongs to no VM. */
async function looseDisk(name = 'a') {
  const { ref: vm, disks: own } = await lab.simulator.addVm({ name, disk: { capacityBytes: MIB } });
  const { path, key } = own[0]!;
  await lab.simulator.writeDisk(path, randomBytes(1000));
  await lab.client.task(
    'ReconfigVM_Task',
    vm,
    `<spec>${disk({ operation: 'remove', key, fileName: path, controllerKey: 1000 })}</spec>`,
  );
  return path;
}

describe('VirtualDiskManager', () => {
  it('extends a disk, of a VM that is off too, and never shrinks one', async () => {
    const { disks: own } = await lab.simulator.addVm({
      name: 'a',
      disk: { capacityBytes: MIB, provisioning: 'eagerZeroedThick' },
    });
    const { path } = own[0]!;
    const extend = (kb: number, eager?: boolean) =>
      disks(
        'ExtendVirtualDisk_Task',
        `<name>${path}</name>${dc()}<newCapacityKb>${kb}</newCapacityKb>${eager === undefined ? '' : `<eagerZero>${eager}</eagerZero>`}`,
      );
    await extend(2048, true);
    expect(lab.simulator.vm('a')!.disks[0]).toMatchObject({ capacityBytes: 2 * MIB, provisioning: 'eagerZeroedThick' });
    await extend(4096, false);
    expect(lab.simulator.vm('a')!.disks[0]).toMatchObject({ capacityBytes: 4 * MIB, provisioning: 'thick' });
    await expect(extend(1024)).rejects.toMatchObject({ type: 'InvalidArgument' });
    lab.simulator.powerOn('a');
    await expect(extend(8192)).rejects.toMatchObject({ type: 'FileLocked' });
    lab.simulator.powerOff('a');
    lab.simulator.updateDatastore('datastore1', { freeBytes: MIB });
    await expect(extend(8192)).rejects.toMatchObject({ type: 'NoDiskSpace' });
  });

  it('moves a disk, unless a running VM has it', async () => {
    const path = await looseDisk();
    const content = await lab.simulator.diskSha256(path);
    const { disks: own } = await lab.simulator.addVm({ name: 'b', disk: { capacityBytes: MIB } });
    const move = (from: string, to: string, force = '') =>
      disks(
        'MoveVirtualDisk_Task',
        `<sourceName>${from}</sourceName>${dc('sourceDatacenter')}<destName>${to}</destName>${force}`,
      );
    lab.simulator.powerOn('b');
    await expect(move(own[0]!.path, '[datastore1] b/c.vmdk')).rejects.toMatchObject({ type: 'FileLocked' });
    await expect(move(path, '[datastore1] none/c.vmdk')).rejects.toMatchObject({ type: 'FileNotFound' });
    await expect(move(path, own[0]!.path)).rejects.toMatchObject({ type: 'FileAlreadyExists' });
    await expect(move(path, own[0]!.path, '<force>true</force>')).rejects.toMatchObject({ type: 'FileLocked' });
    await expect(move('[datastore1] a/zzz.vmdk', path)).rejects.toMatchObject({ type: 'FileNotFound' });
    await move(path, '[datastore1] b/c.vmdk');
    expect(await lab.simulator.diskSha256('[datastore1] b/c.vmdk')).toBe(content);
    expect(paths()).not.toContain(path);
  });

  it('deletes a disk, unless a running VM has it', async () => {
    const path = await looseDisk();
    const { disks: own } = await lab.simulator.addVm({ name: 'b', disk: { capacityBytes: MIB } });
    const remove = (name: string) => disks('DeleteVirtualDisk_Task', `<name>${name}</name>${dc()}`);
    lab.simulator.powerOn('b');
    await expect(remove(own[0]!.path)).rejects.toMatchObject({ type: 'FileLocked' });
    lab.simulator.lockFile(path);
    await expect(remove(path)).rejects.toMatchObject({ type: 'FileLocked' });
    lab.simulator.unlockFile(path);
    await remove(path);
    await expect(remove(path)).rejects.toMatchObject({ type: 'FileNotFound' });
  });

  it('creates and copies disks', async () => {
    await makeDirectory('[datastore2] d');
    const spec =
      '<spec xsi:type="FileBackedVirtualDiskSpec"><diskType>thin</diskType><adapterType>lsiLogic</adapterType><capacityKb>1024</capacityKb></spec>';
    await disks('CreateVirtualDisk_Task', `<name>[datastore2] d/one.vmdk</name>${dc()}${spec}`);
    await lab.simulator.writeDisk('[datastore2] d/one.vmdk', randomBytes(100), 7);
    await disks(
      'CopyVirtualDisk_Task',
      `<sourceName>[datastore2] d/one.vmdk</sourceName>${dc('sourceDatacenter')}<destName>[datastore2] d/two.vmdk</destName>` +
        '<destSpec><diskType>thick</diskType><adapterType>ide</adapterType></destSpec>',
    );
    expect(await lab.simulator.diskSha256('[datastore2] d/two.vmdk')).toBe(
      await lab.simulator.diskSha256('[datastore2] d/one.vmdk'),
    );
    expect(lab.simulator.files().at(-1)).toMatchObject({
      path: '[datastore2] d/two.vmdk',
      provisioning: 'thick',
      sizeBytes: MIB,
    });
  });

  it('reads and sets a disk’s UUID in its own form', async () => {
    const path = await looseDisk();
    const manager = lab.client.manager('VirtualDiskManager');
    const query = async () =>
      textAt(await lab.client.call('QueryVirtualDiskUuid', manager, `<name>${path}</name>${dc()}`), 'returnval');
    expect(await query()).toMatch(/^60 00 c2 9[0-9a-f]( [0-9a-f]{2}){4}-[0-9a-f]{2}( [0-9a-f]{2}){7}$/);
    const spaced = '60 00 c2 93 7b a5 3a a1-92 31 4a 8b 2d 6f 11 22';
    await lab.client.call('SetVirtualDiskUuid', manager, `<name>${path}</name>${dc()}<uuid>${spaced}</uuid>`);
    expect(await query()).toBe(spaced);
    expect(lab.simulator.files().find((file) => file.path === path)!.uuid).toBe('6000C293-7ba5-3aa1-9231-4a8b2d6f1122');
  });

  it('needs the datacenter', async () => {
    const path = await looseDisk();
    await expect(disks('DeleteVirtualDisk_Task', `<name>${path}</name>`)).rejects.toMatchObject({
      type: 'InvalidArgument',
    });
  });
});

describe('FileManager', () => {
  it('makes directories', async () => {
    await expect(makeDirectory('[datastore1] x/y')).rejects.toMatchObject({ type: 'FileNotFound' });
    await makeDirectory('[datastore1] x/y', '<createParentDirectories>true</createParentDirectories>');
    await expect(makeDirectory('[datastore1] x')).rejects.toMatchObject({ type: 'FileAlreadyExists' });
    expect(paths()).toEqual(['[datastore1] x', '[datastore1] x/y']);
  });

  it('deletes a directory with what is in it, unless that is in use', async () => {
    const path = await looseDisk();
    const remove = (name: string) => files('DeleteDatastoreFile_Task', `<name>${name}</name>${dc()}`);
    await expect(remove('[datastore1] a')).rejects.toMatchObject({ type: 'FileLocked' });
    expect(paths()).toContain(path);
    await makeDirectory('[datastore1] b');
    const move = (from: string, to: string) =>
      files(
        'MoveDatastoreFile_Task',
        `<sourceName>${from}</sourceName>${dc('sourceDatacenter')}<destinationName>${to}</destinationName>`,
      );
    await move(path, '[datastore1] b/c.vmdk');
    await remove('[datastore1] b');
    expect(paths()).toEqual(['[datastore1] a', '[datastore1] a/a.vmx']);
    await lab.client.call('UnregisterVM', lab.simulator.vm('a')!.ref);
    await remove('[datastore1] a');
    expect(paths()).toEqual([]);
    await expect(remove('[datastore1] b')).rejects.toMatchObject({ type: 'FileNotFound' });
  });
});

describe('HostDatastoreBrowser', () => {
  const search = async (method: string, args: string) => {
    const [datastore] = refsOf(await lab.client.property(lab.datacenter, 'datastore'));
    const browser = (await lab.client.property(datastore!, 'browser'))!;
    return lab.client.task(method, { type: 'HostDatastoreBrowser', value: browser.text }, args);
  };

  it('lists what matches', async () => {
    await looseDisk();
    const info = await search(
      'SearchDatastore_Task',
      '<datastorePath>[datastore1] a</datastorePath><searchSpec><matchPattern>*.vmdk</matchPattern></searchSpec>',
    );
    expect(at(info, 'result')!.attributes['xsi:type']).toBe('HostDatastoreBrowserSearchResults');
    expect(textAt(info, 'result.folderPath')).toBe('[datastore1] a/');
    expect(all(at(info, 'result'), 'file').map((file) => textAt(file, 'path'))).toEqual(['a.vmdk']);
  });

  it('tells of each file what it is asked', async () => {
    await lab.createVm();
    const flags = (flag: boolean) =>
      ['fileType', 'fileSize', 'modification', 'fileOwner'].map((name) => `<${name}>${flag}</${name}>`).join('');
    const files = async (flag: boolean) => {
      const details = `<searchSpec><details>${flags(flag)}</details></searchSpec>`;
      const info = await search('SearchDatastore_Task', `<datastorePath>[datastore1] vm</datastorePath>${details}`);
      return all(at(info, 'result'), 'file');
    };
    const told = await files(true);
    expect(told.map((file) => [textAt(file, 'path'), file.attributes['xsi:type']]).sort()).toEqual([
      ['vm.vmdk', 'VmDiskFileInfo'],
      ['vm.vmx', 'VmConfigFileInfo'],
    ]);
    for (const file of told) {
      expect(file.children.map(({ name }) => name)).toEqual(['path', 'fileSize', 'modification', 'owner']);
      expect(Date.parse(textAt(file, 'modification')!)).toBeGreaterThan(Date.now() - 600_000);
    }
    for (const file of await files(false)) {
      expect([file.attributes['xsi:type'], file.children.map(({ name }) => name)]).toEqual([undefined, ['path']]);
    }
  });

  it('looks into sub-folders', async () => {
    await lab.createVm();
    const info = await search('SearchDatastoreSubFolders_Task', '<datastorePath>[datastore1]</datastorePath>');
    const result = at(info, 'result')!;
    expect(result.attributes['xsi:type']).toBe('ArrayOfHostDatastoreBrowserSearchResults');
    expect(
      all(result, 'HostDatastoreBrowserSearchResults').map((folder) => [
        textAt(folder, 'folderPath'),
        ...all(folder, 'file').map((file) => textAt(file, 'path')),
      ]),
    ).toEqual([
      ['[datastore1]', 'vm'],
      ['[datastore1] vm/', 'vm.vmx', 'vm.vmdk'],
    ]);
  });
});

describe('datastores', () => {
  it('count what disks take', async () => {
    const free = () => lab.simulator.freeBytes('datastore1');
    const before = free();
    const { disks: thin } = await lab.simulator.addVm({ name: 'thin', disk: { capacityBytes: 64 * MIB } });
    expect(free()).toBe(before);
    await lab.simulator.writeDisk(thin[0]!.path, Buffer.alloc(10, 1), 5 * MIB);
    expect(free()).toBe(before - MIB);
    await lab.simulator.addVm({ name: 'thick', disk: { capacityBytes: 64 * MIB, provisioning: 'thick' } });
    expect(free()).toBe(before - 65 * MIB);
    await lab.simulator.removeVm('thick');
    expect(free()).toBe(before - MIB);
    const [datastore] = refsOf(await lab.client.property(lab.datacenter, 'datastore'));
    expect(textAt(await lab.client.property(datastore!, 'summary'), 'freeSpace')).toBe(String(before - MIB));
  });

  it('can be full, inaccessible or in maintenance', async () => {
    lab.simulator.updateDatastore('datastore1', { freeBytes: MIB, maintenanceMode: 'inMaintenance' });
    const [datastore] = refsOf(await lab.client.property(lab.datacenter, 'datastore'));
    const summary = await lab.client.property(datastore!, 'summary');
    expect([textAt(summary, 'freeSpace'), textAt(summary, 'maintenanceMode')]).toEqual([String(MIB), 'inMaintenance']);
    lab.simulator.updateDatastore('datastore1', { accessible: false });
    expect(textAt(await lab.client.property(datastore!, 'summary'), 'accessible')).toBe('false');
    await expect(lab.createVm()).rejects.toMatchObject({ type: 'InvalidDatastore' });
  });
});
