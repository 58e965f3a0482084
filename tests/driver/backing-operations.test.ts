import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { bytesPerGiB, Lab, refusal } from './support/lab.js';
import { serviceOf } from './support/services.js';

const roomForOne = { capacityBytes: 4 * bytesPerGiB };
const twoDatastores = {
  datacenters: [
    {
      name: 'DC0',
      clusters: [{ name: 'C0', hosts: [{ name: 'h0' }] }],
      datastores: [
        { name: 'small', ...roomForOne },
        { name: 'large', capacityBytes: 100 * bytesPerGiB, mounts: [{ host: 'h0' }] },
      ],
    },
  ],
};

describe('createBacking, deleteBacking, extendVolume', () => {
  test('a backing is created once, marked as Cinder marks it, and deleted with its disk', async () => {
    await using lab = await Lab.start();
    const volume = { id: randomUUID(), size: 1, projectId: 'p' };

    const backing = await lab.driver.createBacking(volume);

    expect(await lab.driver.createBacking(volume)).toEqual(backing);
    expect(lab.vmOf(volume)).toMatchObject({ extraConfig: { 'cinder.volume.id': volume.id } });
    expect(lab.vmOf(volume).inventoryPath).toContain('OpenStack/Project (p)/Volumes/');
    expect(await lab.driver.deleteBacking(volume)).toBe(true);
    expect(await lab.driver.deleteBacking(volume)).toBe(false);
    expect(lab.simulator.vms()).toEqual([]);
    expect(lab.simulator.leftovers()).toEqual([]);
  });

  test.each(['thin', 'thick', 'eagerZeroedThick'] as const)('a %s disk grows and stays one', async (provisioning) => {
    await using lab = await Lab.start();
    const volume = { id: randomUUID(), size: 1, volumeType: { extraSpecs: { 'vmware:vmdk_type': provisioning } } };
    await lab.driver.createBacking(volume);

    expect(await lab.driver.extendVolume(volume, 2)).toBe(true);

    expect(lab.diskOf(volume)).toMatchObject({ capacityBytes: 2 * bytesPerGiB, provisioning });
    await expect(lab.driver.extendVolume(volume, 1)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('a volume without backing needs no extending', async () => {
    await using lab = await Lab.start();
    expect(await lab.driver.extendVolume({ id: randomUUID(), size: 1 }, 2)).toBe(false);
    expect(lab.callsOf('ExtendVirtualDisk_Task')).toBe(0);
  });

  test('an extension its datastore has no room for relocates the backing, and nothing else does', async () => {
    await using lab = await Lab.start({ simulator: twoDatastores, config: { datastoreRegex: 'small|large' } });
    const volume = { id: randomUUID(), size: 3, volumeType: { extraSpecs: { 'vmware:vmdk_type': 'thick' } } };
    lab.simulator.updateDatastore('large', { accessible: false });
    await lab.driver.createBacking(volume);
    lab.simulator.updateDatastore('large', { accessible: true });
    const { ref } = lab.vmOf(volume);

    lab.simulator.injectFault({
      method: 'ExtendVirtualDisk_Task',
      when: 'task',
      kind: { fault: 'GenericVmConfigFault', reason: 'no' },
    });
    await expect(lab.driver.extendVolume(volume, 10)).rejects.toMatchObject({ faultName: 'GenericVmConfigFault' });
    expect(lab.callsOf('RelocateVM_Task')).toBe(0);
    await lab.driver.extendVolume(volume, 10);

    expect(lab.diskOf(volume)).toMatchObject({
      path: expect.stringMatching(/^\[large\]/),
      capacityBytes: 10 * bytesPerGiB,
    });
    expect(lab.vmOf(volume).ref).toEqual(ref);
    expect(lab.callsOf('RelocateVM_Task')).toBe(1);
  });

  test('a restore its datastore has no room for relocates the backing first', async () => {
    await using lab = await Lab.start({ simulator: twoDatastores });
    const volume = { id: randomUUID(), size: 3, volumeType: { extraSpecs: { 'vmware:vmdk_type': 'thick' } } };
    lab.simulator.updateDatastore('large', { accessible: false });
    const backup = { id: 'b', volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);
    lab.simulator.updateDatastore('large', { accessible: true });
    const before = lab.vmOf(volume);

    await lab.driver.restoreBackup(backup, volume, { manifest });

    expect(lab.vmOf(volume)).toMatchObject({ ref: before.ref, name: before.name });
    expect(lab.diskOf(volume)).toMatchObject({ path: expect.stringMatching(/^\[large\]/), provisioning: 'thick' });
    expect(lab.simulator.leftovers()).toEqual([]);
  });

  describe('a full datastore', () => {
    const volume = { id: randomUUID(), size: 3, volumeType: { extraSpecs: { 'vmware:vmdk_type': 'thick' } } };
    const backup = { id: 'b', volumeId: volume.id };
    /** What has the backing relocated. */
    const operations = {
      extendVolume: (lab: Lab) => lab.driver.extendVolume(volume, 10),
      restoreBackup: (lab: Lab) => lab.driver.restoreBackup(backup, volume),
    };
    const names = ['extendVolume', 'restoreBackup'] as const;

    /** A volume with a backup, in a datastore that has no room for more; another one has. */
    async function fill(lab: Lab): Promise<string> {
      lab.simulator.updateDatastore('large', { accessible: false });
      await lab.driver.backupVolume(backup, volume);
      lab.simulator.updateDatastore('large', { accessible: true });
      return lab.diskOf(volume).path;
    }

    test.each(names.flatMap((operation) => (['full', 'unreadable'] as const).map((access) => ({ operation, access }))))(
      'is not left with a disk that another VM has: $operation ($access)',
      async ({ operation, access }) => {
        await using lab = await Lab.start({ simulator: twoDatastores });
        const path = await fill(lab);
        const attach = () => lab.simulator.addVm({ name: 'instance', datastore: 'small', disk: { path } });
        // A restore asks at its beginning too, and fetches for hours after that.
        const stop = lab.simulator.onCall(async ({ phase, call }) => {
          if (phase !== 'after' || !JSON.stringify(call.args ?? {}).includes('HostSystem')) return;
          stop();
          await attach();
          lab.simulator.administrator.setAccess('instance', access);
        });
        const error = await refusal(() => operations[operation](lab));
        expect(error).toMatchObject({ code: 'BACKING_IN_USE', cleanup: 'done' });
        expect(lab.callsOf('RelocateVM_Task')).toBe(0);
        expect(lab.simulator.vm('instance')).toMatchObject({ disks: [{ path, missing: false }] });
        await lab.expectNothingLeft();
      },
    );

    test.each(names)('is not left for another datacenter: %s', async (operation) => {
      const [here] = twoDatastores.datacenters;
      const elsewhere = {
        name: 'DC1',
        clusters: [{ name: 'C1', hosts: [{ name: 'h1' }, { name: 'h2' }] }],
        datastores: [{ name: 'elsewhere', capacityBytes: 1000 * bytesPerGiB }],
      };
      await using lab = await Lab.start({ simulator: { datacenters: [here!, elsewhere] } });
      lab.simulator.updateDatastore('elsewhere', { accessible: false });
      const path = await fill(lab);
      lab.simulator.updateDatastore('large', { accessible: false });
      lab.simulator.updateDatastore('elsewhere', { accessible: true });
      const error = await lab.refusedUnchanged(() => operations[operation](lab));
      expect(error).toMatchObject({ code: 'NO_VALID_DATASTORE' });
      expect(lab.diskOf(volume).path).toBe(path);

      lab.simulator.updateDatastore('large', { accessible: true });
      await operations[operation](lab);
      expect(lab.diskOf(volume).path).toMatch(/^\[large\]/);
      expect(lab.vmOf(volume).datacenter).toBe('DC0');
    });
  });

  test('a bad stream relocates nothing', async () => {
    await using lab = await Lab.start({ simulator: twoDatastores, config: { transfer: 'stream' } });
    const volume = { id: randomUUID(), size: 3, volumeType: { extraSpecs: { 'vmware:vmdk_type': 'thick' } } };
    lab.simulator.updateDatastore('large', { accessible: false });
    const backup = { id: 'b', volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);
    lab.simulator.updateDatastore('large', { accessible: true });
    const bytes = await buffer((await lab.service.openRestore?.(backup))!.stream);
    bytes[bytes.length - 600] = 1;
    const driver = lab.driverWith({ config: { transfer: 'stream' }, service: serviceOf(bytes) });

    await lab.refusedUnchanged(() => driver.restoreBackup(backup, volume, { manifest }));
    expect(lab.callsOf('RelocateVM_Task')).toBe(0);

    await lab.driver.restoreBackup(backup, volume, { manifest });
    expect(lab.diskOf(volume).path).toMatch(/^\[large\]/);
  });

  test("a restored new volume's files lie in a folder of its own name", async () => {
    await using lab = await Lab.start();
    const volume = await lab.addVolume();
    const backup = { id: 'b', volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);
    const copy = { id: randomUUID(), size: 1 };
    await lab.driver.restoreBackup(backup, copy, { manifest });
    expect(lab.diskOf(copy).path).toContain(`] volume-${copy.id}/`);
  });
});
