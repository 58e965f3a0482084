import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

/** The main job with the package's exports of either format; resolves to what came of it. Also compiled to work-with.cjs. */
export async function work({
  decodeVmdk,
  encodeVmdk,
  FileBackupService,
  SoapVimSession,
  startSimulator,
  verifyVmdk,
  VmdkDriver,
}) {
  const directory = await mkdtemp(join(tmpdir(), 'vmdk-driver-work-'));
  const simulator = await startSimulator();
  try {
    const { host, port, username, password, thumbprint } = simulator;
    const vim = new SoapVimSession({ host, port, username, password, thumbprint });
    await vim.connect();
    const driver = new VmdkDriver({
      vim,
      backupService: new FileBackupService({ directory: join(directory, 'store') }),
    });

    const volume = { id: randomUUID(), size: 1 };
    const name = `volume-${volume.id}`;
    await simulator.addVm({
      name,
      instanceUuid: volume.id,
      disk: { capacityBytes: 1024 ** 3 },
      extraConfig: { 'cinder.volume.id': volume.id },
    });
    const diskOf = ({ id }) => simulator.vms().find(({ instanceUuid }) => instanceUuid === id).disks[0].path;
    await simulator.writeDisk(diskOf(volume), Readable.from([randomBytes(3_000_000)]));
    const original = await simulator.diskSha256(diskOf(volume));

    const backup = { id: randomUUID(), volumeId: volume.id };
    const manifest = await driver.backupVolume(backup, volume);
    const copy = { id: randomUUID(), size: 1 };
    await driver.restoreBackup(backup, copy, { manifest });
    const restored = await simulator.diskSha256(diskOf(copy));
    await vim.disconnect();

    const raw = join(directory, 'disk.raw');
    const vmdk = join(directory, 'disk.vmdk');
    const decoded = join(directory, 'decoded.raw');
    await writeFile(raw, randomBytes(1024 * 1024));
    await encodeVmdk(raw, vmdk);
    const { capacityBytes } = await verifyVmdk(vmdk);
    await decodeVmdk(vmdk, decoded);

    return {
      restored: restored === original,
      decoded: capacityBytes === 1024 * 1024 && (await readFile(raw)).equals(await readFile(decoded)),
      leftovers: simulator.leftovers(),
    };
  } finally {
    await simulator.close();
    await rm(directory, { recursive: true, force: true });
  }
}
