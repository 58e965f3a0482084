import { randomBytes, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { FileBackupService } from '../../../src/services/index.js';
import { bytesPerGiB, Lab } from '../../driver/support/lab.js';
import { qemuImg } from '../../vmdk/support/qemu.js';
import { debianProgram, describePeer, exercised, type Peer } from '../support/peer.js';
import { hashTree, plantTree } from './file-tree.js';
import { dataOf, makeExt4, readExt4, writeImage } from './guest-filesystem.js';

/** mke2fs makes the filesystem, e2fsck and debugfs judge it, qemu-img converts it. */
async function installTools(): Promise<{ e2fsprogs: Peer; qemu: Peer } & Peer> {
  const { version } = await debianProgram('mke2fs', 'e2fsprogs', ['-V']);
  await debianProgram('debugfs', 'e2fsprogs', ['-V']);
  await debianProgram('e2fsck', 'e2fsprogs', ['-V']);
  const qemu = await debianProgram('qemu-img', 'qemu-utils');
  const e2fsprogs = { name: 'e2fsprogs', version };
  return { ...e2fsprogs, e2fsprogs, qemu };
}

await describePeer('e2fsprogs and qemu-img', installTools, ({ e2fsprogs, qemu }) => {
  let directory: string;
  let image: string;
  let planted: Record<string, string>;
  const file = (name: string): string => join(directory, name);

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ext4-'));
    await mkdir(file('tree'));
    await plantTree(file('tree'));
    planted = await hashTree(file('tree'));
    image = file('guest.raw');
    await makeExt4(image, bytesPerGiB, file('tree'));
    expect(Object.keys(planted).length).toBeGreaterThan(150);
    expect(await readExt4(image)).toEqual(planted);
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  /** A volume whose disk holds the guest's filesystem. */
  async function guestVolume(lab: Lab) {
    const volume = await lab.addVolume({}, Buffer.alloc(0));
    const { path } = lab.diskOf(volume);
    for await (const { position, data } of dataOf(image)) await lab.simulator.writeDisk(path, data, position);
    return volume;
  }

  /** What the filesystem on a volume's disk holds, after e2fsck. */
  async function filesOf(lab: Lab, volume: { readonly id: string }): Promise<Record<string, string>> {
    const { path, capacityBytes } = lab.diskOf(volume);
    const copy = file(`${volume.id}.raw`);
    await writeImage(copy, lab.simulator.readDisk(path), capacityBytes);
    try {
      return await readExt4(copy);
    } finally {
      await rm(copy);
    }
  }

  /** Stores what the backup service holds of a backup as a file of its own. */
  async function streamOf(lab: Lab, backup: { readonly id: string; readonly volumeId: string }): Promise<string> {
    const { stream } = await (lab.service as FileBackupService).openRestore(backup);
    await pipeline(stream, createWriteStream(file('stream.vmdk')));
    return file('stream.vmdk');
  }

  test.each(['vcenter', 'esxi'] as const)('%s: an ext4 comes back whole: new, over existing, larger', async (mode) => {
    await using lab = await Lab.start({ simulator: { mode } });
    const volume = await guestVolume(lab);
    const backup = { id: 'guest', volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);

    const fresh = { id: randomUUID(), size: 1 };
    expect(await lab.driver.restoreBackup(backup, fresh, { manifest })).toMatchObject({ created: true });
    expect(await filesOf(lab, fresh)).toEqual(planted);

    // The filesystem is ruined first: its superblocks, its directories, its files.
    await lab.simulator.writeDisk(lab.diskOf(volume).path, randomBytes(32 * 2 ** 20));
    await expect(filesOf(lab, volume)).rejects.toThrow();
    expect(await lab.driver.restoreBackup(backup, volume, { manifest })).toMatchObject({ created: false });
    expect(await filesOf(lab, volume)).toEqual(planted);

    const larger = { id: randomUUID(), size: 3 };
    expect(await lab.driver.restoreBackup(backup, larger, { manifest })).toMatchObject({ extended: true });
    expect(lab.diskOf(larger).capacityBytes).toBe(3 * bytesPerGiB);
    expect(await filesOf(lab, larger)).toEqual(planted);
    await lab.expectNothingLeft();

    // One transfer out and three in; e2fsck and debugfs judged three disks.
    exercised(e2fsprogs, `${mode}: ext4 backed up, restored new, over existing, larger`, 4 + 3 * 2);
  });

  test('what is stored is a disk that qemu-img converts to the same filesystem', async () => {
    await using lab = await Lab.start();
    const volume = await guestVolume(lab);
    const backup = { id: 'guest', volumeId: volume.id };
    await lab.driver.backupVolume(backup, volume);
    const stream = await streamOf(lab, backup);
    expect(await qemuImg('check', '-f', 'vmdk', stream)).toContain('No errors');
    await qemuImg('convert', '-f', 'vmdk', '-O', 'raw', stream, file('converted.raw'));
    expect(await readExt4(file('converted.raw'))).toEqual(planted);
    exercised(qemu, 'a backup checked and converted; e2fsck, files equal', 4);
  });

  test('a disk that qemu-img wrote is restored, e2fsck finds it clean, and it is backed up again', async () => {
    await using lab = await Lab.start();
    const subformat = ['-o', 'subformat=streamOptimized,adapter_type=lsilogic'];
    await qemuImg('convert', '-f', 'raw', '-O', 'vmdk', ...subformat, image, file('qemu.vmdk'));
    const volume = { id: randomUUID(), size: 1 };
    const foreign = { id: 'foreign', volumeId: volume.id };
    await lab.service.backup(foreign, { path: file('qemu.vmdk') });
    await lab.driver.restoreBackup(foreign, volume);
    expect(await filesOf(lab, volume)).toEqual(planted);

    const backup = { id: 'again', volumeId: volume.id };
    await lab.driver.backupVolume(backup, volume);
    await qemuImg('convert', '-f', 'vmdk', '-O', 'raw', await streamOf(lab, backup), file('again.raw'));
    expect(await qemuImg('compare', '-f', 'raw', '-F', 'raw', image, file('again.raw'))).toContain('identical');
    exercised(qemu, 'a disk of its own restored, backed up again, compared', 5);
  });
});
