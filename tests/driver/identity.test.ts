import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readBacking } from '../../src/backing/backing.js';
import type { FlatDiskBacking } from '../../src/backing/disk-backing.js';
import { adapterTypes, diskModes, diskProvisionings } from '../../src/model/disk-kinds.js';
import { reconfigure } from '../../src/vim/reconfigure.js';
import { type DiskOptions, Lab, someContent } from './support/lab.js';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start();
});
afterAll(() => lab[Symbol.asyncDispose]());

const kinds: DiskOptions[] = [
  ...adapterTypes.map((adapterType) => ({ adapterType, provisioning: 'thin' as const })),
  ...diskProvisionings.map((provisioning) => ({ adapterType: 'lsiLogic' as const, provisioning })),
  { adapterType: 'paraVirtual', provisioning: 'eagerZeroedThick', unitNumber: 3 },
  { adapterType: 'ide', provisioning: 'thick', unitNumber: 1 },
];

describe.each(kinds)('what a volume is survives a restore: $adapterType, $provisioning, unit $unitNumber', (kind) => {
  test('over itself, and as a new volume', async () => {
    const volume = await lab.addVolume({ projectId: 'p1' }, someContent(), kind);
    const backup = { id: randomUUID(), volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);
    expect(manifest).toMatchObject({ adapterType: kind.adapterType, provisioning: kind.provisioning });
    const [before, content] = [lab.vmOf(volume), await lab.contentOf(volume)];
    await lab.simulator.writeDisk(lab.diskOf(volume).path, someContent());

    await lab.driver.restoreBackup(backup, volume, { manifest });

    const after = lab.vmOf(volume);
    const withoutPath = ({ path: _path, ...rest }: (typeof before.disks)[number]) => rest;
    // What the exchange says of itself stays on the backing.
    const { extraConfig } = after;
    const others = Object.fromEntries(Object.entries(extraConfig).filter(([key]) => !key.startsWith('vmdk-driver.')));
    expect({ ...after, extraConfig: others, disks: after.disks.map(withoutPath) }).toEqual({
      ...before,
      disks: before.disks.map(withoutPath),
    });
    expect(extraConfig['vmdk-driver.removedDisk']).toBe(before.disks[0]!.path);
    expect(await lab.contentOf(volume)).toBe(content);

    const copy = { id: randomUUID(), size: 1, projectId: 'p1' };
    await lab.driver.restoreBackup(backup, copy, { manifest });
    const made = lab.vmOf(copy);
    expect(made).toMatchObject({
      name: `volume-${copy.id}`,
      instanceUuid: copy.id,
      extraConfig: { 'cinder.volume.id': copy.id },
      // The first hardware that has the controller.
      version: kind.adapterType === 'nvme' ? 'vmx-13' : kind.adapterType === 'ahci' ? 'vmx-10' : 'vmx-08',
      inventoryPath: `/DC0/vm/OpenStack/Project (p1)/Volumes/volume-${copy.id}`,
    });
    expect(Object.keys(made.extraConfig)).toEqual(['cinder.volume.id']);
    const { controllerType, provisioning, adapterType } = before.disks[0]!;
    expect(lab.diskOf(copy)).toMatchObject({ controllerType, provisioning, adapterType, unitNumber: 0 });
    expect(lab.diskOf(copy).uuid.toLowerCase()).toBe(copy.id);
    expect(await lab.contentOf(copy)).toBe(content);
    await lab.expectNothingLeft();
    for (const id of [volume.id, copy.id]) await lab.simulator.removeVm(lab.vmOf({ id }).name);
  });
});

describe.each(diskModes)('a disk that is %s', (diskMode) => {
  test('stays so, with all that is set on it, and a new volume gets one of that mode', async () => {
    const volume = await lab.addVolume({}, someContent(), { diskMode, multiWriter: true });
    const { ref } = lab.vmOf(volume);
    const { device } = (await readBacking(lab.vim, ref)).disk;
    const shares = { level: 'custom', shares: 2222 } as const;
    const changed = {
      ...device,
      backing: { ...(device.backing as FlatDiskBacking), writeThrough: true, digestEnabled: true },
      shares,
      storageIOAllocation: { limit: 500, shares, reservation: 10 },
    };
    await reconfigure(lab.vim, ref, { deviceChange: [{ operation: 'edit', device: changed }] }, async () => true);
    const settings = async () => {
      const { disk } = await readBacking(lab.vim, ref);
      return { ...disk.device, backing: { ...disk.device.backing, fileName: undefined } };
    };
    const before = await settings();
    expect(before).toMatchObject({ shares, backing: { diskMode, sharing: 'sharingMultiWriter', writeThrough: true } });
    const backup = { id: randomUUID(), volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);
    expect(manifest.diskMode).toBe(diskMode);

    await lab.driver.restoreBackup(backup, volume, { manifest });
    expect(await settings()).toEqual(before);

    const copy = { id: randomUUID(), size: 1 };
    await lab.driver.restoreBackup(backup, copy, { manifest });
    expect(lab.diskOf(copy).diskMode).toBe(diskMode);
    // A manifest of an earlier version has none.
    const { diskMode: _mode, ...earlier } = manifest;
    const another = { id: randomUUID(), size: 1 };
    await lab.driver.restoreBackup(backup, another, { manifest: earlier });
    expect(lab.diskOf(another).diskMode).toBe('persistent');
    await lab.expectNothingLeft();
  });
});

test("a new volume's type wins over the backup's", async () => {
  const volume = await lab.addVolume();
  const backup = { id: randomUUID(), volumeId: volume.id };
  await lab.driver.backupVolume(backup, volume);
  for (const wanted of diskProvisionings) {
    const copy = { id: randomUUID(), size: 2, volumeType: { extraSpecs: { 'vmware:vmdk_type': wanted } } };
    await lab.driver.restoreBackup(backup, copy);
    // Extended as well: an eagerly zeroed disk stays one.
    expect(lab.diskOf(copy)).toMatchObject({ provisioning: wanted, capacityBytes: 2 * 2 ** 30 });
    await lab.simulator.removeVm(lab.vmOf(copy).name);
  }
});

test("a new volume's type says by which controller it is attached", async () => {
  const volume = await lab.addVolume({}, someContent(), { adapterType: 'busLogic' });
  const backup = { id: randomUUID(), volumeId: volume.id };
  const manifest = await lab.driver.backupVolume(backup, volume);
  const copy = { id: randomUUID(), size: 1, volumeType: { extraSpecs: { 'vmware:adapter_type': 'paraVirtual' } } };
  await lab.driver.restoreBackup(backup, copy, { manifest });
  expect(lab.diskOf(copy).controllerType).toBe('ParaVirtualSCSIController');
});

test('a larger volume stays eagerly zeroed when its restored disk is extended to its size', async () => {
  const volume = await lab.addVolume({}, someContent(), { provisioning: 'eagerZeroedThick' });
  const backup = { id: randomUUID(), volumeId: volume.id };
  await lab.driver.backupVolume(backup, volume);
  expect(await lab.driver.restoreBackup(backup, { ...volume, size: 2 })).toMatchObject({ extended: true });
  expect(lab.diskOf(volume)).toMatchObject({ provisioning: 'eagerZeroedThick', capacityBytes: 2 * 2 ** 30 });
});

test('a volume whose id is no UUID and whose name has characters vCenter escapes', async () => {
  const volume = { id: 'tenant/disk #1', name: '50% a/b\\c', size: 1 };
  const backup = { id: randomUUID(), volumeId: volume.id };
  const manifest = await lab.driver.backupVolume(backup, volume);
  const vm = lab.simulator.vm('50%25 a%2fb%5cc')!;
  expect(vm.extraConfig).toEqual({ 'cinder.volume.id': volume.id });
  await lab.simulator.writeDisk(vm.disks[0]!.path, someContent());
  await lab.driver.restoreBackup(backup, volume, { manifest });
  expect(lab.simulator.vm(vm.ref.value)).toMatchObject({ name: vm.name, instanceUuid: vm.instanceUuid });
  await lab.expectNothingLeft();
});
