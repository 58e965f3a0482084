import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import {
  InvalidInputError,
  NoValidDatastoreError,
  NoValidHostError,
  VimFault,
  type VmdkDriverConfig,
  VolumeBusyError,
} from '../../../src/index.js';
import { readProperties } from '../../../src/vim/index.js';
import { runTask } from '../../../src/vim/run-task.js';
import { bytesPerGiB, refusal } from '../../driver/support/lab.js';
import { describePeer, exercised } from '../support/peer.js';
import { installVcsim, modes } from './vcsim.js';
import { VcsimLab } from './vcsim-lab.js';

const volumeOf = (size: number, type = 'thin') => ({
  id: randomUUID(),
  size,
  volumeType: { extraSpecs: { 'vmware:vmdk_type': type } },
});

await describePeer('vcsim', installVcsim, (peer) => {
  describeEach('creates, finds, extends, renames and deletes', async (lab, mode) => {
    const driver = lab.driver();
    const volume = { ...volumeOf(1), projectId: 'p1' };
    const created = await driver.createBacking(volume);
    // Found by its instanceUuid, and not made a second time.
    expect(await driver.createBacking(volume)).toEqual(created);
    const { vm, disk, backing } = await lab.backingOf(volume);
    expect(vm).toMatchObject({ name: `volume-${volume.id}`, 'config.instanceUuid': volume.id });
    expect(backing).toMatchObject({ thinProvisioned: true, uuid: volume.id, diskMode: 'persistent' });
    expect(disk.capacityInBytes).toBe(bytesPerGiB);

    expect(await driver.extendVolume(volume, 2)).toBe(true);
    // vcsim grows the file and goes on showing the old size: the VM was told.
    expect((await lab.backingOf(volume)).disk.capacityInBytes).toBe(2 * bytesPerGiB);
    // Found under another name too: its id tells.
    await runTask(lab.vim, 'Rename_Task', created, { newName: 'renamed & <moved>' });
    expect((await lab.backingOf(volume)).vm.name).toBe('renamed & <moved>');
    await runTask(lab.vim, 'Rename_Task', created, { newName: `volume-${volume.id}` });

    // Without an id that is a UUID, a volume is found by its name in its folder.
    const named = { id: `legacy-${mode}`, name: 'a volume', size: 1, projectId: 'p1' };
    const ref = await driver.createBacking(named);
    expect(await driver.createBacking(named)).toEqual(ref);
    expect((await readProperties(lab.vim, ref, 'VirtualMachine', ['parent'])).parent).toEqual(vm.parent);

    const before = await lab.vmNames();
    for (const { id, size } of [volume, named]) {
      const doomed = id === volume.id ? volume : named;
      expect(await driver.deleteBacking({ ...doomed, size })).toBe(true);
      expect(await driver.deleteBacking({ ...doomed, size })).toBe(false);
    }
    expect(await lab.vmNames()).toEqual(before.filter((name) => ![vm.name, 'a volume'].includes(name)));
  });

  describeEach('each controller, each provisioning', async (lab) => {
    const controllers = {
      lsiLogic: 'VirtualLsiLogicController',
      busLogic: 'VirtualBusLogicController',
      lsiLogicsas: 'VirtualLsiLogicSASController',
      paraVirtual: 'ParaVirtualSCSIController',
      ide: 'VirtualIDEController',
    };
    for (const [adapterType, controller] of Object.entries(controllers)) {
      for (const type of ['thin', 'thick', 'eagerZeroedThick']) {
        const volume = volumeOf(1, type);
        const driver = lab.driver({ adapterType } as VmdkDriverConfig);
        await driver.createBacking(volume);
        const { vm, disk, backing } = await lab.backingOf(volume);
        const on = vm['config.hardware.device']?.find(({ key }) => key === disk.controllerKey);
        expect(on?._type).toBe(controller);
        expect([backing.thinProvisioned, backing.eagerlyScrub]).toEqual([type === 'thin', type === 'eagerZeroedThick']);
        expect(await driver.deleteBacking(volume)).toBe(true);
      }
    }
  });

  describeEach('placement: by cluster, datastore name and room, with the reasons', async (lab, mode) => {
    const onThird = lab.driver({ datastoreRegex: '_2$', ...(mode === 'vcenter' ? { clusters: ['DC1_C0'] } : {}) });
    const volume = volumeOf(1);
    await onThird.createBacking(volume);
    const { vm } = await lab.backingOf(volume);
    expect(vm['config.files.vmPathName']).toBe(`[LocalDS_2] volume-${volume.id}/volume-${volume.id}.vmx`);
    const host = await readProperties(lab.vim, vm['runtime.host']!, 'HostSystem', ['name']);
    if (mode === 'vcenter') expect(host.name).toMatch(/^DC1_C0_H\d$/);

    const everywhere = await refusal(() => lab.driver().createBacking(volumeOf(60_000)));
    expect(everywhere).toBeInstanceOf(NoValidDatastoreError);
    expect(everywhere.message).toContain('LocalDS_1');
    expect(await refusal(() => lab.driver({ datastoreRegex: '^ssd' }).createBacking(volumeOf(1)))).toBeInstanceOf(
      NoValidDatastoreError,
    );
    expect(await refusal(() => lab.driver({ clusters: ['none'] }).createBacking(volumeOf(1)))).toBeInstanceOf(
      NoValidHostError,
    );
  });

  describeEach('refusals', async (lab) => {
    const driver = lab.driver();
    const [one, other] = [volumeOf(1), volumeOf(2)];
    const [ref] = [await driver.createBacking(one), await driver.createBacking(other)];
    expect(await refusal(() => driver.extendVolume(other, 1))).toBeInstanceOf(InvalidInputError);
    const busy = await Promise.allSettled([driver.extendVolume(one, 3), driver.extendVolume(one, 4)]);
    expect(busy.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(busy.find((result) => result.status === 'rejected')?.reason).toBeInstanceOf(VolumeBusyError);
    const taken = await refusal(() => runTask(lab.vim, 'Rename_Task', ref, { newName: `volume-${other.id}` }));
    expect(taken).toBeInstanceOf(VimFault);
    // The API's reference has DuplicateName.
    expect(taken).toMatchObject({ faultName: 'InvalidArgument' });
  });

  describeEach('several volumes at a time, into a folder that each of them makes', async (lab) => {
    const volumes = Array.from({ length: 6 }, () => ({ ...volumeOf(1), projectId: 'at the same time' }));
    const drivers = volumes.map(() => lab.driver());
    await Promise.all(volumes.map((volume, i) => drivers[i]!.createBacking(volume)));
    const backings = await Promise.all(volumes.map((volume) => lab.backingOf(volume)));
    expect(new Set(backings.map(({ vm }) => vm.parent?.value)).size).toBe(1);
    expect(backings.map(({ backing }) => backing.uuid)).toEqual(volumes.map(({ id }) => id));
    await Promise.all(volumes.map((volume, i) => drivers[i]!.deleteBacking(volume)));
  });

  function describeEach(what: string, work: (lab: VcsimLab, mode: (typeof modes)[number]) => Promise<void>): void {
    test.each(modes)(`%s: ${what}`, async (mode) => {
      await using lab = await VcsimLab.start(peer, { mode, datastores: 3, datacenters: 2 });
      await work(lab, mode);
      exercised(peer, `${mode}: ${what}`, (await lab.vcsim.requests()).all);
    });
  }
});
