import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Backup, BackupManifest, UploadOptions, Volume } from '../../src/index.js';
import { Lab, sha256 } from './support/lab.js';
import { filesOnly, sessionWith } from './support/services.js';

let lab: Lab;
let volume: Volume;
let backup: Backup;
let manifest: BackupManifest;

beforeAll(async () => {
  lab = await Lab.start();
  volume = await lab.addVolume();
  backup = { id: 'good', volumeId: volume.id };
  manifest = await lab.driver.backupVolume(backup, volume);
});
afterAll(() => lab[Symbol.asyncDispose]());

/** The methods called while something runs. */
async function methodsOf(work: () => Promise<unknown>): Promise<string[]> {
  const from = lab.simulator.calls().length;
  await work();
  return lab.simulator
    .calls()
    .slice(from)
    .map(({ method }) => method);
}

describe('as Cinder’s driver', () => {
  test('backup_volume: exports, then hands the service the whole stream, once, in a file of its own', async () => {
    const handed: { backup: Backup; sha256: string; leases: readonly string[] }[] = [];
    const service = filesOnly(lab.service, {
      backup: async (given, { path }) => {
        const leases = lab.simulator.leases().map(({ state }) => state);
        handed.push({ backup: given, sha256: sha256(await readFile(path)), leases });
      },
    });
    const asked = { id: 'handed', volumeId: volume.id, size: 1, container: 'of the host’s own' };
    const methods = await methodsOf(() => lab.driverWith({ service }).backupVolume(asked, volume));
    // The service gets the host's record as it is, and the export is over when it does.
    expect(handed).toEqual([{ backup: asked, sha256: manifest.sha256, leases: expect.arrayContaining(['done']) }]);
    expect(handed[0]!.leases).not.toContain('ready');
    expect(methods.filter((method) => method === 'ExportVm')).toHaveLength(1);
    expect(methods).not.toContain('CreateVM_Task');
  });

  test('restore_backup with sizes equal: restores once, for this volume, and extends nothing', async () => {
    const asked: string[] = [];
    const service = filesOnly(lab.service, {
      restore: async (given, volumeId, file, options) => {
        asked.push(given.id, volumeId);
        await lab.service.restore(given, volumeId, file, options);
      },
    });
    const methods = await methodsOf(() => lab.driverWith({ service }).restoreBackup(backup, volume));
    expect(asked).toEqual(['good', volume.id]);
    expect(methods).not.toContain('ExtendVirtualDisk_Task');
    // One import, one exchange; Cinder's clone, two renames and the destruction of the backing are not needed.
    expect(methods.filter((method) => ['CloneVM_Task', 'Rename_Task'].includes(method))).toEqual([]);
    expect(methods.filter((method) => method === 'ImportVApp')).toHaveLength(1);
  });

  test('restore_backup to a larger volume extends before the exchange, where Cinder does it after', async () => {
    const larger = await lab.addVolume({ size: 2 });
    const methods = await methodsOf(() => lab.driver.restoreBackup(backup, larger));
    const extension = methods.indexOf('ExtendVirtualDisk_Task');
    expect(extension).toBeGreaterThan(-1);
    // The exchange, and then the old disk is attached to the temporary VM and goes with it.
    const after = methods
      .slice(extension)
      .filter((method) => /^(?:ReconfigVM|Destroy|DeleteVirtualDisk)_Task$/.test(method));
    expect(after).toEqual(['ReconfigVM_Task', 'ReconfigVM_Task', 'Destroy_Task']);
  });
});

describe('where Cinder’s driver was wrong', () => {
  test.each(['thin', 'thick', 'eagerZeroedThick'])(
    'the upload announces the stream’s own length; a %s disk is sent by POST',
    async (provisioning) => {
      const uploads: UploadOptions[] = [];
      const vim = sessionWith(lab.vim, {
        upload: (url, source, options) => {
          uploads.push(options);
          return lab.vim.upload(url, source, options);
        },
      });
      const copy = { id: randomUUID(), size: 1, volumeType: { extraSpecs: { 'vmware:vmdk_type': provisioning } } };
      await lab.driverWith({ vim }).restoreBackup(backup, copy);
      expect(uploads).toMatchObject([
        {
          method: 'POST',
          length: manifest.streamBytes,
          headers: { 'Content-Type': 'application/x-vnd.vmware-streamVmdk' },
        },
      ]);
      expect(manifest.streamBytes).toBeLessThan(manifest.capacityBytes / 1000);
    },
  );

  test('the temporary VM has neither the volume’s instance UUID nor its name, nor is it ever taken for the backing', async () => {
    const seen: unknown[] = [];
    const end = lab.simulator.onCall(({ phase, call }) => {
      if (phase !== 'before' || call.method !== 'HttpNfcLeaseComplete') return;
      const temporary = lab.simulator.vms().filter(({ name }) => name.startsWith('vmdk-driver-restore-'));
      seen.push(...temporary.map(({ instanceUuid, extraConfig }) => [instanceUuid, extraConfig['cinder.volume.id']]));
    });
    await lab.driver.restoreBackup(backup, volume);
    end();
    expect(seen).toEqual([[expect.not.stringMatching(volume.id), undefined]]);
  });

  test('no moment of a restore has the volume without its one disk, or two VMs with its name', async () => {
    const { name } = lab.vmOf(volume);
    const states = new Set<string>();
    const end = lab.simulator.onCall(() => {
      const named = lab.simulator.vms().filter((vm) => vm.name === name);
      states.add(`${named.length} VM, ${named[0]?.disks.length ?? 0} disk`);
    });
    await lab.driver.restoreBackup(backup, volume);
    end();
    expect([...states]).toEqual(['1 VM, 1 disk']);
  });
});
