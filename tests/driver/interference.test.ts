import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Backup, Volume } from '../../src/index.js';
import { temporaryVmName } from '../../src/journal/restore-journal.js';
import { bytesPerGiB, Lab, refusal } from './support/lab.js';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start();
});
afterAll(() => lab[Symbol.asyncDispose]());

async function backedUp(): Promise<{ volume: Volume; backup: Backup }> {
  const volume = await lab.addVolume();
  const backup = { id: randomUUID(), volumeId: volume.id };
  await lab.driver.backupVolume(backup, volume);
  return { volume, backup };
}

/** Does something once, while the restore's stream is being imported. */
function duringImport(act: () => void | Promise<void>): void {
  const end = lab.simulator.onCall(async ({ phase, call }) => {
    if (phase !== 'before' || call.method !== 'HttpNfcLeaseComplete') return;
    end();
    await act();
  });
}

describe('somebody else works on the backing while bytes move: its disk is not replaced', () => {
  test.each<[string, string, (name: string) => void]>([
    ['powers it on', 'BACKING_IN_USE', (name) => lab.simulator.powerOn(name)],
    ['opens its disk', 'BACKING_IN_USE', (name) => lab.simulator.lockFile(lab.simulator.vm(name)!.disks[0]!.path)],
  ])('%s', async (_what, code, act) => {
    const { volume, backup } = await backedUp();
    const { name } = lab.vmOf(volume);
    const [disk, content] = [lab.diskOf(volume), await lab.contentOf(volume)];
    duringImport(() => act(name));

    expect(await refusal(() => lab.driver.restoreBackup(backup, volume))).toMatchObject({ code, phase: 'swap' });

    expect(lab.diskOf(volume)).toEqual(disk);
    expect(await lab.contentOf(volume)).toBe(content);
    await lab.expectNothingLeft();
  });

  test('takes a snapshot, which puts another file in the disk’s place: all is undone once that is gone', async () => {
    const { volume, backup } = await backedUp();
    const { name } = lab.vmOf(volume);
    const [disk, content] = [lab.diskOf(volume), await lab.contentOf(volume)];
    duringImport(() => lab.simulator.createSnapshot(name));

    const error = await refusal(() => lab.driver.restoreBackup(backup, volume));
    expect(error).toMatchObject({ code: 'VOLUME_HAS_SNAPSHOTS', phase: 'swap' });

    expect(lab.diskOf(volume).parents).toEqual([disk.path]);
    lab.simulator.removeAllSnapshots(name);
    await lab.driver.recover({ olderThanMs: 0 });
    expect(lab.diskOf(volume)).toEqual(disk);
    expect(await lab.contentOf(volume)).toBe(content);
    await lab.expectNothingLeft();
  });

  test('reconfigures it between the last look and the exchange: it is looked at again', async () => {
    const { volume, backup } = await backedUp();
    const vm = lab.vmOf(volume);
    const disk = lab.diskOf(volume);
    const end = lab.simulator.onCall(async ({ phase, call }) => {
      if (phase !== 'before' || call.method !== 'ReconfigVM_Task' || call.target.value !== vm.ref.value) return;
      end();
      const extraConfig = [{ key: 'somebody', value: 'else' }];
      await lab.vim.invoke('ReconfigVM_Task', vm.ref, { spec: { extraConfig } });
      while (lab.vmOf(volume).extraConfig['somebody'] === undefined) await new Promise(setImmediate);
    });

    expect(await lab.driver.restoreBackup(backup, volume)).toMatchObject({ cleanup: 'done' });

    // It was refused for what it was prepared for, looked at again, and made for what is there now.
    expect(lab.diskOf(volume).path).not.toBe(disk.path);
    expect(lab.vmOf(volume).extraConfig).toMatchObject({ somebody: 'else' });
    await lab.expectNothingLeft();
  });

  test('exports it at the same time: the exchange waits for nobody, and is refused', async () => {
    const { volume, backup } = await backedUp();
    const [vm, disk] = [lab.vmOf(volume), lab.diskOf(volume)];
    duringImport(async () => {
      await lab.vim.invoke('ExportVm', vm.ref, {});
    });

    expect(await refusal(() => lab.driver.restoreBackup(backup, volume))).toMatchObject({ code: 'VOLUME_BUSY' });

    expect(lab.diskOf(volume)).toEqual(disk);
    await lab.vim.invoke(
      'HttpNfcLeaseAbort',
      lab.simulator.leases().findLast(({ kind }) => kind === 'export')!.ref,
      {},
    );
    await lab.expectNothingLeft();
  });
});

describe('only what an operation created is deleted', () => {
  test("a foreign VM that has the temporary VM's name stays; the restore is refused", async () => {
    const { volume, backup } = await backedUp();
    const fresh = { id: randomUUID(), size: 1 };
    await lab.driver.restoreBackup(backup, { id: randomUUID(), size: 1 }); // makes the folder
    await lab.simulator.addVm({ name: temporaryVmName(volume.id), disk: { capacityBytes: 2 ** 20 } });
    await lab.simulator.addVm({
      name: temporaryVmName(fresh.id),
      folder: 'OpenStack/Volumes',
      disk: { capacityBytes: 2 ** 20 },
    });
    for (const target of [volume, fresh]) {
      const error = await lab.refusedUnchanged(() => lab.driver.restoreBackup(backup, target));
      expect(error).toMatchObject({ code: 'VOLUME_BUSY' });
    }
    expect(await lab.driver.recover({ olderThanMs: 0 })).toEqual({ restores: [], temporaryFiles: [] });
    expect(lab.simulator.vm(temporaryVmName(volume.id))).toBeDefined();
    expect(lab.simulator.vm(temporaryVmName(fresh.id))).toBeDefined();
  });

  test('a new volume whose name is taken: the VM that has it stays, the restored one goes', async () => {
    const { volume, backup } = await backedUp();
    const fresh = { id: randomUUID(), size: 1 };
    const name = `volume-${fresh.id}`;
    await lab.simulator.addVm({
      name,
      folder: 'OpenStack/Volumes',
      disk: { capacityBytes: 2 ** 20 },
      extraConfig: { 'cinder.volume.id': randomUUID() },
    });
    expect(await lab.refusedUnchanged(() => lab.driver.restoreBackup(backup, fresh))).toMatchObject({
      code: 'RESTORE_FAILED',
      cause: { faultName: 'DuplicateName' },
    });
    expect(volume.id).not.toBe(fresh.id);
  });

  describe('a new volume that got its backing from somebody else meanwhile: that one stays, the restore may be tried again', () => {
    test.each([
      ['its files where the import would put them', 'ImportVApp', 'OpenStack/Volumes', 'datastore2'],
      ['its name where the restored VM would have it', 'ReconfigVM_Task', 'OpenStack/Volumes', undefined],
      ['and nothing in the way: it lies in another folder', 'ReconfigVM_Task', undefined, undefined],
    ])('with %s', async (_, method, folder, datastore) => {
      const { backup } = await backedUp();
      const fresh = { id: randomUUID(), size: 1 };
      let backing: Promise<unknown> | undefined;
      const stop = lab.simulator.onCall(async ({ phase, call }) => {
        if (phase !== 'before' || call.method !== method || backing !== undefined) return;
        backing = lab.simulator.addVm({
          name: `volume-${fresh.id}`,
          instanceUuid: fresh.id,
          folder,
          datastore,
          disk: { capacityBytes: bytesPerGiB },
          extraConfig: { 'cinder.volume.id': fresh.id },
        });
        await backing;
      });
      const error = await lab.driver.restoreBackup(backup, fresh).catch((e: unknown) => e);
      stop();
      expect(error).toMatchObject({ code: 'VOLUME_BUSY', retryable: true, cleanup: 'done' });
      expect(lab.simulator.vms().filter(({ name }) => name.includes(fresh.id))).toEqual([await backing]);
      expect(lab.simulator.leftovers()).toEqual([]);
    });
  });

  test('VMs with our prefix or our mark but no journal are not touched by recover()', async () => {
    await lab.simulator.addVm({ name: 'vmdk-driver-restore-mine', disk: { capacityBytes: 2 ** 20 } });
    await lab.simulator.addVm({
      name: 'half-a-journal',
      disk: { capacityBytes: 2 ** 20 },
      extraConfig: { 'vmdk-driver.note': 'not a journal' },
    });
    const before = await lab.everything();
    expect(await lab.driver.recover({ olderThanMs: 0 })).toEqual({ restores: [], temporaryFiles: [] });
    expect(await lab.everything()).toEqual(before);
    await lab.simulator.removeVm('half-a-journal');
    await lab.simulator.removeVm('vmdk-driver-restore-mine');
  });
});

test('a backing that is unregistered as it is looked at does not make its volume a new one', async () => {
  const { volume, backup } = await backedUp();
  const { name } = lab.vmOf(volume);
  for (const work of [
    () => lab.driver.restoreBackup(backup, volume),
    () => lab.driver.backupVolume({ id: randomUUID(), volumeId: volume.id }, volume),
  ]) {
    let vmx: string | undefined;
    const stop = lab.simulator.onCall(({ phase, call }) => {
      if (phase !== 'after' || call.method !== 'FindAllByUuid' || call.args?.['uuid'] !== volume.id) return;
      vmx ??= lab.simulator.administrator.unregisterVm(name);
    });
    expect(await refusal(work)).toMatchObject({ code: 'VOLUME_BUSY', retryable: true, cleanup: 'done' });
    stop();
    lab.simulator.administrator.registerVm(vmx!);
    expect(lab.simulator.vms().filter(({ instanceUuid }) => instanceUuid === volume.id)).toHaveLength(1);
  }
});

test('a backing that comes back while its volume is restored as a new one is seen, though the session ends without a word', async () => {
  const { volume, backup } = await backedUp();
  const vmx = lab.simulator.administrator.unregisterVm(lab.vmOf(volume).name);
  const fresh = { ...volume };
  let fault: { readonly fired: boolean } | undefined;
  const stop = lab.simulator.onCall(({ phase, call }) => {
    if (phase !== 'after' || call.method !== 'HttpNfcLeaseComplete' || fault !== undefined) return;
    // In another folder: its name says nothing.
    lab.simulator.administrator.registerVm(vmx);
    fault = lab.simulator.injectFault({ method: 'FindAllByUuid', kind: 'session-blind' });
  });
  const error = await refusal(() => lab.driver.restoreBackup(backup, fresh));
  stop();
  expect(fault?.fired).toBe(true);
  expect(error).toMatchObject({ code: 'VOLUME_BUSY', retryable: true });
  expect(lab.simulator.vms().filter(({ instanceUuid }) => instanceUuid === volume.id)).toHaveLength(1);
  await lab.expectNothingLeft();
});
