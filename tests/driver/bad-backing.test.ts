import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { BackupService } from '../../src/index.js';
import { bytesPerGiB, Lab } from './support/lab.js';
import { filesOnly } from './support/services.js';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start();
});
afterAll(() => lab[Symbol.asyncDispose]());

/** A service that must not be asked for anything but what it knows of a backup. */
function untouched(): { service: BackupService; asked: () => number } {
  let asked = 0;
  const count = async () => {
    asked++;
  };
  return { service: filesOnly(lab.service, { backup: count, restore: count }), asked: () => asked };
}

describe('a backing in a state that forbids the operation: refused, nothing changed', () => {
  test('a backing with snapshots is not restored over, and the service is not even asked', async () => {
    const volume = await lab.addVolume();
    const backup = { id: randomUUID(), volumeId: volume.id };
    await lab.driver.backupVolume(backup, volume);
    lab.simulator.createSnapshot(lab.vmOf(volume).name);
    const { service, asked } = untouched();

    const error = await lab.refusedUnchanged(() => lab.driverWith({ service }).restoreBackup(backup, volume));

    expect(error).toMatchObject({ code: 'VOLUME_HAS_SNAPSHOTS', phase: 'prepare', retryable: false });
    expect(asked()).toBe(0);
  });

  test('a volume smaller than the backup is refused; known from the manifest, the service is not asked', async () => {
    const volume = await lab.addVolume({ size: 2 });
    const backup = { id: randomUUID(), volumeId: volume.id };
    await lab.driver.backupVolume(backup, volume);
    const { service, asked } = untouched();
    const smaller = { id: randomUUID(), size: 1 };
    expect(await lab.refusedUnchanged(() => lab.driverWith({ service }).restoreBackup(backup, smaller))).toMatchObject({
      code: 'VOLUME_TOO_SMALL',
      phase: 'prepare',
    });
    expect(asked()).toBe(0);

    // Without a manifest only the stream tells; vCenter is asked for nothing but what is there.
    const withoutManifest = filesOnly(lab.service, { readManifest: async () => undefined });
    const driver = lab.driverWith({ service: withoutManifest });
    const imports = lab.callsOf('ImportVApp');
    expect(await lab.refusedUnchanged(() => driver.restoreBackup(backup, smaller))).toMatchObject({
      code: 'VOLUME_TOO_SMALL',
      phase: 'validate',
    });
    expect(lab.callsOf('ImportVApp')).toBe(imports);
  });

  test('a backing that is powered on is neither backed up nor restored over', async () => {
    const volume = await lab.addVolume();
    const backup = { id: randomUUID(), volumeId: volume.id };
    await lab.driver.backupVolume(backup, volume);
    lab.simulator.powerOn(lab.vmOf(volume).name);
    const { service, asked } = untouched();
    for (const operate of [
      () => lab.driverWith({ service }).backupVolume({ ...backup, id: 'powered-on' }, volume),
      () => lab.driverWith({ service }).restoreBackup(backup, volume),
    ]) {
      expect(await lab.refusedUnchanged(operate)).toMatchObject({ code: 'BACKING_IN_USE', phase: 'prepare' });
    }
    expect(asked()).toBe(0);
  });

  test.each(['file', 'stream'] as const)(
    'a disk that is locked is neither backed up nor replaced (%s)',
    async (transfer) => {
      const volume = await lab.addVolume();
      const backup = { id: randomUUID(), volumeId: volume.id };
      const manifest = await lab.driver.backupVolume(backup, volume);
      const imports = lab.callsOf('ImportVApp');
      lab.simulator.lockFile(lab.diskOf(volume).path);
      const driver = lab.driverWith({ config: { transfer } });
      for (const operate of [
        () => driver.backupVolume({ ...backup, id: 'locked' }, volume),
        () => driver.restoreBackup(backup, volume, { manifest }),
      ]) {
        expect(await lab.refusedUnchanged(operate)).toMatchObject({ code: 'BACKING_IN_USE', retryable: true });
      }
      // The import, which may take hours, had not begun.
      expect(lab.callsOf('ImportVApp')).toBe(imports);
      lab.simulator.unlockFile(lab.diskOf(volume).path);
      expect(await driver.restoreBackup(backup, volume, { manifest })).toMatchObject({ cleanup: 'done' });
    },
  );

  test('a VM without a disk is no backing', async () => {
    const volume = { id: randomUUID(), size: 1 };
    await lab.simulator.addVm({ name: `volume-${volume.id}`, instanceUuid: volume.id });
    const state = await lab.simulator.state();
    const backup = { id: randomUUID(), volumeId: volume.id };
    await expect(lab.driver.backupVolume(backup, volume)).rejects.toMatchObject({ code: 'BACKING_INVALID' });
    await expect(lab.driver.restoreBackup(backup, volume)).rejects.toMatchObject({ code: 'BACKING_INVALID' });
    expect(await lab.simulator.state()).toEqual(state);
    await lab.simulator.removeVm(`volume-${volume.id}`);
  });
});

describe('no datastore has room', () => {
  const tooBig = { size: 20 * 1024 }; // each has 10 TiB

  test('for a new backing: refused with every candidate and its reason', async () => {
    const volume = { id: randomUUID(), ...tooBig };
    const error = await lab.refusedUnchanged(() => lab.driver.backupVolume({ id: 'b', volumeId: volume.id }, volume));
    expect(error).toMatchObject({
      code: 'NO_VALID_DATASTORE',
      phase: 'prepare',
      rejected: [
        { name: 'datastore1', reason: expect.stringMatching(/bytes free, .* needed/) },
        { name: 'datastore2', reason: expect.stringMatching(/bytes free, .* needed/) },
      ],
    });
  });

  test('for a restore to a new volume, or for a second disk beside the old one', async () => {
    const volume = await lab.addVolume();
    const backup = { id: randomUUID(), volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);
    const large = { id: randomUUID(), ...tooBig };
    expect(await lab.refusedUnchanged(() => lab.driver.restoreBackup(backup, large, { manifest }))).toMatchObject({
      code: 'NO_VALID_DATASTORE',
    });
    const names = ['datastore1', 'datastore2'];
    const free = names.map((name) => lab.simulator.freeBytes(name));
    for (const name of names) lab.simulator.updateDatastore(name, { freeBytes: 1000 });
    expect(await lab.refusedUnchanged(() => lab.driver.restoreBackup(backup, volume, { manifest }))).toMatchObject({
      code: 'NO_VALID_DATASTORE',
      rejected: expect.arrayContaining([expect.objectContaining({ name: 'datastore1' })]),
    });
    names.forEach((name, i) => lab.simulator.updateDatastore(name, { freeBytes: free[i] }));
  });

  test('and one that runs full in the middle of an import ends the same way, with nothing left', async () => {
    const volume = await lab.addVolume();
    const backup = { id: randomUUID(), volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);
    lab.simulator.injectFault({
      method: 'ImportVApp',
      kind: { fault: 'NoDiskSpace', file: 'disk.vmdk', datastore: 'datastore1' },
    });
    expect(await lab.refusedUnchanged(() => lab.driver.restoreBackup(backup, volume, { manifest }))).toMatchObject({
      code: 'NO_VALID_DATASTORE',
    });
    expect(manifest.capacityBytes).toBe(bytesPerGiB);
  });
});
