import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { bytesPerGiB, Lab } from './support/lab.js';
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
