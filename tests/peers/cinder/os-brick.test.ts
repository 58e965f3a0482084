import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { Volume } from '../../../src/index.js';
import { Lab, someContent } from '../../driver/support/lab.js';
import { debianProgram, describePeer, exercised } from '../support/peer.js';
import { CinderDriver, installBrick } from './cinder-driver.js';
import { type CinderLab, openCinderLab } from './cinder-lab.js';

const install = async () => {
  const { path: qemuImg } = await debianProgram('qemu-img', 'qemu-utils');
  return { ...(await installBrick()), qemuImg };
};

await describePeer('os-brick', install, (peer) => {
  let cinder: CinderDriver;
  let opened: CinderLab;
  let lab: Lab;
  beforeAll(async () => {
    cinder = await CinderDriver.start(peer);
  });
  afterAll(async () => {
    await cinder[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    opened = await openCinderLab(cinder);
    lab = opened.lab;
  });
  afterEach(async () => {
    await opened[Symbol.asyncDispose]();
  });

  /** SHA-256 of the disk that a stream-optimized file holds, as qemu-img reads it. */
  async function diskIn(file: string): Promise<string> {
    const raw = join(lab.tmpDir, `${randomUUID()}.raw`);
    await promisify(execFile)(peer.qemuImg, ['convert', '-f', 'vmdk', '-O', 'raw', file, raw]);
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(raw, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
    return hash.digest('hex');
  }

  /** A backup's stream in a file, as its service gives it back. */
  async function storedStream(volume: Volume, path = join(lab.tmpDir, `${randomUUID()}.vmdk`)): Promise<string> {
    const backup = { id: randomUUID(), volumeId: volume.id };
    await lab.driver.backupVolume(backup, volume);
    await lab.service.restore(backup, volume.id, { path });
    return path;
  }

  test.each(['lsiLogic', 'ide'] as const)('connect_volume downloads what is backed up: %s', async (adapterType) => {
    const volume = await lab.addVolume({ projectId: 'p' }, someContent(), { adapterType });
    const properties = await cinder.initializeConnection(volume);
    const device = await cinder.connectVolume(properties);
    const content = await lab.simulator.diskSha256(lab.diskOf(volume).path);
    expect(await diskIn(device.path)).toBe(content);
    expect(await diskIn(await storedStream(volume))).toBe(content);

    const before = lab.simulator.files();
    await cinder.disconnectVolume(properties, device);
    expect(existsSync(device.path)).toBe(false);
    expect(lab.simulator.files()).toEqual(before);
    expect(lab.simulator.leftovers()).toEqual([]);
    exercised(peer, `connect_volume, ${adapterType}: the same disk as a backup's`, opened.peerCalls());
  });

  test('connect_volume downloads from an ESXi host, whose leases name no host', async () => {
    await using esxi = await Lab.start({ simulator: { mode: 'esxi' } });
    const volume = await esxi.addVolume();
    const { path } = esxi.diskOf(volume);
    const { host, port, username, password } = esxi.simulator;
    const own = esxi.simulator.sessions()[0]?.key;
    const device = await cinder.connectVolume({
      volume: esxi.vmOf(volume).ref.value,
      volume_id: volume.id,
      name: `volume-${volume.id}`,
      profile_id: null,
      vmdk_path: path,
      vmdk_size: 2 ** 30,
      config: {
        vmware_host_ip: host,
        vmware_host_port: port,
        vmware_host_username: username,
        vmware_host_password: password,
        vmware_api_retry_count: 1,
        vmware_task_poll_interval: 0.05,
        vmware_ca_file: null,
        vmware_insecure: true,
        vmware_tmp_dir: lab.tmpDir,
        vmware_image_transfer_timeout_secs: 600,
      },
    });
    expect(await diskIn(device.path)).toBe(await esxi.simulator.diskSha256(path));
    const calls = esxi.simulator.calls().filter(({ session }) => session !== own);
    exercised(peer, "connect_volume from an ESXi host: the volume's disk", calls.length);
  });

  test('disconnect_volume puts a backup in place of a volume’s disk', async () => {
    const [source, target] = [await lab.addVolume({ projectId: 'p' }), await lab.addVolume({ projectId: 'p' })];
    const content = await lab.contentOf(source);
    const properties = await cinder.initializeConnection(target);
    const device = await cinder.connectVolume(properties);
    await storedStream(source, device.path);
    await utimes(device.path, device.last_modified + 10, device.last_modified + 10);

    const { uuid, path } = lab.diskOf(target);
    await cinder.disconnectVolume(properties, device);
    expect(await lab.contentOf(target)).toBe(content);
    // It copies without saying into what: the disk is no longer thin.
    expect(lab.diskOf(target)).toMatchObject({ uuid, path, provisioning: 'thick' });

    // And such a disk is a volume's like any other.
    const backup = { id: randomUUID(), volumeId: target.id };
    await lab.driver.backupVolume(backup, target);
    await lab.simulator.writeDisk(lab.diskOf(target).path, Buffer.from('overwritten'));
    await lab.driver.restoreBackup(backup, target);
    expect(await lab.contentOf(target)).toBe(content);
    // The folder it uploads into is its own.
    expect(lab.simulator.leftovers()).toEqual([{ kind: 'directory', what: '[datastore1] cinder_temp' }]);
    exercised(peer, 'disconnect_volume: a backup becomes the disk, is backed up and restored', opened.peerCalls());
  });
});
