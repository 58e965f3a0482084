import { randomUUID } from 'node:crypto';
import { describe, expect, jest, test } from '@jest/globals';
import type { DiskProvisioning } from '../../src/index.js';
import { silentLogger } from '../../src/logger.js';
import type { CallFault, SimulatorOptions } from '../../src/simulator/index.js';
import { Lab, someContent } from './support/lab.js';
import { sessionWith } from './support/services.js';

/** A site with one datastore, which gives every disk one form. */
function site(type: string, provisioning?: DiskProvisioning): SimulatorOptions {
  return {
    datacenters: [
      {
        name: 'DC0',
        clusters: [{ name: 'C0', hosts: [{ name: 'h0' }] }],
        datastores: [{ name: 'store', type, provisioning }],
      },
    ],
  };
}

const asking = (provisioning: DiskProvisioning | undefined) =>
  provisioning === undefined ? {} : { volumeType: { extraSpecs: { 'vmware:vmdk_type': provisioning } } };

describe('a datastore that decides by itself how disks are provisioned', () => {
  test.each<[string, DiskProvisioning, DiskProvisioning | undefined]>([
    ['vsan', 'eagerZeroedThick', undefined],
    ['vsan', 'thick', 'thin'],
    ['NFS', 'eagerZeroedThick', 'thin'],
    ['NFS', 'thin', 'thick'],
    ['NFS', 'thin', 'eagerZeroedThick'],
  ])('%s, %s where %s is asked for: goes on, warns, and says what came about', async (type, actual, wanted) => {
    const warn = jest.fn();
    await using lab = await Lab.start({ simulator: site(type, actual), logger: { ...silentLogger, warn } });
    const volume = { id: randomUUID(), size: 1, ...asking(wanted) };
    await lab.driver.createBacking(volume);
    expect(warn).toHaveBeenCalledWith(
      expect.objectContaining({ volumeId: volume.id, wanted: wanted ?? 'thin', provisioning: actual }),
      expect.stringContaining('the datastore decided by itself'),
    );
    await lab.simulator.writeDisk(lab.diskOf(volume).path, someContent());
    const content = await lab.contentOf(volume);
    const backup = { id: 'b', volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);
    expect(manifest).toMatchObject({ provisioning: actual });

    await lab.simulator.writeDisk(lab.diskOf(volume).path, someContent());
    expect(await lab.driver.restoreBackup(backup, volume)).toMatchObject({ provisioning: actual, cleanup: 'done' });
    expect(await lab.contentOf(volume)).toBe(content);
    const copy = { id: randomUUID(), size: 2, ...asking(wanted) };
    expect(await lab.driver.restoreBackup(backup, copy)).toMatchObject({ provisioning: actual, extended: true });
    expect(await lab.driver.extendVolume(copy, 3)).toBe(true);
    await lab.expectNothingLeft();
  });

  test('does not keep what comes from one that does not', async () => {
    await using there = await Lab.start({ simulator: site('VMFS') });
    const volume = { id: randomUUID(), size: 1, ...asking('thick') };
    await there.driver.createBacking(volume);
    await there.simulator.writeDisk(there.diskOf(volume).path, someContent());
    const backup = { id: 'b', volumeId: volume.id };
    const manifest = await there.driver.backupVolume(backup, volume);
    expect(manifest).toMatchObject({ provisioning: 'thick' });

    const warn = jest.fn();
    await using here = await Lab.start({
      simulator: site('NFS', 'thin'),
      service: there.service,
      logger: { ...silentLogger, warn },
    });
    expect(await here.driver.restoreBackup(backup, { id: volume.id, size: 1 }, { manifest })).toMatchObject({
      created: true,
      provisioning: 'thin',
    });
    expect(await here.contentOf(volume)).toBe(await there.contentOf(volume));
    expect(warn).toHaveBeenCalledWith(
      expect.objectContaining({ volumeId: volume.id, backupId: 'b', wanted: 'thick', provisioning: 'thin' }),
      expect.any(String),
    );
  });

  test.each<[string, CallFault | undefined, 'done' | 'pending']>([
    ['gone again', undefined, 'done'],
    [
      'said to be left where it cannot be deleted',
      { method: 'Destroy_Task', kind: { fault: 'RuntimeFault' } },
      'pending',
    ],
    ['said to be left where it may be ours', { method: 'CreateVM_Task', when: 'after', kind: 'reset' }, 'pending'],
  ])('a disk of another size than was asked for is refused all the same, and %s', async (_what, fault, cleanup) => {
    await using lab = await Lab.start();
    const vim = sessionWith(lab.vim, {
      invoke: (method, target, args, options) => {
        if (method === 'CreateVM_Task') {
          const { config } = args as unknown as { config: { deviceChange: { device: object }[] } };
          Object.assign(config.deviceChange[0]!.device, { capacityInKB: 512 * 1024 });
        }
        return lab.vim.invoke(method, target, args, options);
      },
    });
    const volume = { id: randomUUID(), size: 1 };
    if (fault !== undefined) lab.simulator.injectFault(fault);
    await expect(lab.driverWith({ vim }).createBacking(volume)).rejects.toMatchObject({
      code: 'BACKING_INVALID',
      cleanup,
    });
    expect(lab.simulator.vms()).toHaveLength(cleanup === 'done' ? 0 : 1);
  });
});

test('every disk is sent by POST, whatever form it has: a PUT would allocate it', async () => {
  await using lab = await Lab.start();
  const methods: string[] = [];
  const vim = sessionWith(lab.vim, {
    upload: (url, source, options) => {
      methods.push(options.method);
      return lab.vim.upload(url, source, options);
    },
  });
  const driver = lab.driverWith({ vim });
  for (const provisioning of ['thin', 'thick', 'eagerZeroedThick'] as const) {
    const volume = await lab.addVolume({}, someContent(), { provisioning });
    const content = await lab.contentOf(volume);
    const backup = { id: provisioning, volumeId: volume.id };
    await driver.backupVolume(backup, volume);
    expect(await driver.restoreBackup(backup, volume)).toMatchObject({ provisioning });
    expect(lab.diskOf(volume)).toMatchObject({ provisioning });
    expect(await lab.contentOf(volume)).toBe(content);
  }
  expect(methods).toEqual(['POST', 'POST', 'POST']);
});

test('a datastore may have brackets in its name', async () => {
  const name = 'ds[1]';
  await using lab = await Lab.start({
    simulator: {
      datacenters: [{ name: 'DC0', clusters: [{ name: 'C0', hosts: [{ name: 'h0' }] }], datastores: [{ name }] }],
    },
  });
  const volume = { id: randomUUID(), size: 1 };
  await lab.driver.createBacking(volume);
  await lab.simulator.writeDisk(lab.diskOf(volume).path, someContent());
  const content = await lab.contentOf(volume);
  const backup = { id: 'b', volumeId: volume.id };
  await lab.driver.backupVolume(backup, volume);
  await lab.driver.restoreBackup(backup, { ...volume, size: 2 });
  expect(await lab.contentOf(volume)).toBe(content);
  expect(lab.diskOf(volume).path).toMatch(/^\[ds\[1\]\] volume-/);
  const copy = { id: randomUUID(), size: 1 };
  await lab.driver.restoreBackup(backup, copy);
  expect(lab.diskOf(copy).path).toMatch(new RegExp(`^\\[ds\\[1\\]\\] volume-${copy.id}/`));
  await lab.expectNothingLeft();
});
