import { randomUUID } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { BackupService } from '../../src/index.js';
import { decodeVmdk } from '../../src/vmdk/index.js';
import { bytesPerGiB, Lab, sha256, someContent } from './support/lab.js';

async function headOf(path: string, bytes: number): Promise<string> {
  await using file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
  return sha256(buffer);
}

describe('backupVolume', () => {
  test('backs up an existing backing: the stored stream decodes to the very disk', async () => {
    await using lab = await Lab.start();
    const content = someContent();
    const volume = await lab.addVolume({}, content);
    const backup = { id: 'backup-1', volumeId: volume.id, size: 1 };

    const manifest = await lab.driver.backupVolume(backup, volume);

    const [stream, disk] = [join(lab.directory, 'stream'), join(lab.directory, 'disk')];
    await lab.service.restore(backup, volume.id, { path: stream });
    await decodeVmdk(stream, disk);
    expect(await headOf(disk, content.length)).toBe(sha256(content));
    expect(manifest).toMatchObject({
      formatVersion: 1,
      backupId: 'backup-1',
      volumeId: volume.id,
      diskFormat: 'streamOptimized',
      streamBytes: (await stat(stream)).size,
      sha256: sha256(await readFile(stream)),
      capacityBytes: bytesPerGiB,
      provisioning: 'thin',
      adapterType: 'lsiLogic',
    });
    expect(lab.simulator.leftovers()).toEqual([]);
    expect(await lab.temporaryFiles()).toEqual([]);
  });

  test('creates the backing of a volume that has none, as Cinder does', async () => {
    await using lab = await Lab.start();
    const volume = { id: randomUUID(), size: 1, projectId: 'p1' };

    const manifest = await lab.driver.backupVolume({ id: 'b', volumeId: volume.id }, volume);

    const vm = lab.vmOf(volume);
    expect(vm.name).toBe(`volume-${volume.id}`);
    expect(vm.extraConfig).toEqual({ 'cinder.volume.id': volume.id });
    expect(lab.diskOf(volume)).toMatchObject({ capacityBytes: bytesPerGiB, provisioning: 'thin' });
    expect(lab.diskOf(volume).uuid.toLowerCase()).toBe(volume.id);
    expect(manifest.capacityBytes).toBe(bytesPerGiB);
    expect(manifest.streamBytes).toBeLessThan(100_000);
  });

  test('completes its lease: an export that succeeded is not aborted', async () => {
    await using lab = await Lab.start();
    const volume = await lab.addVolume();
    await lab.driver.backupVolume({ id: 'b', volumeId: volume.id }, volume);
    expect([lab.callsOf('HttpNfcLeaseComplete'), lab.callsOf('HttpNfcLeaseAbort')]).toEqual([1, 0]);
  });

  test('hands a service that takes files a whole, closed file that only its owner can read', async () => {
    const seen: { mode: number; bytes: number }[] = [];
    const service: BackupService = {
      async backup(_backup, file) {
        const { mode, size } = await stat(file.path);
        seen.push({ mode: mode & 0o777, bytes: size });
        return { kept: 'here' };
      },
      async restore() {},
    };
    await using lab = await Lab.start({ service });
    const volume = await lab.addVolume();

    const manifest = await lab.driver.backupVolume({ id: 'b', volumeId: volume.id }, volume);

    expect(seen).toEqual([{ mode: 0o600, bytes: manifest.streamBytes }]);
    expect(manifest.serviceMetadata).toEqual({ kept: 'here' });
    expect(await lab.temporaryFiles()).toEqual([]);
  });
});
