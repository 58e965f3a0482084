// What a host written in TypeScript does with each entry point. It is only compiled: as an ES module and as CommonJS.
import {
  VmdkDriver,
  VmdkDriverError,
  type Backup,
  type BackupManifest,
  type ErrorCode,
  type Logger,
  type Progress,
  type VimSession,
  type Volume,
} from 'vmdk-driver';
import { FileBackupService, type BackupService, type VolumeFile } from 'vmdk-driver/services';
import { startSimulator } from 'vmdk-driver/simulator';
import { SoapVimSession } from 'vmdk-driver/vim';
import { InvalidVmdkError, inspectVmdk, type VmdkInfo } from 'vmdk-driver/vmdk';

const logger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** A service of the host's own; only what the interface asks for. */
class OwnService implements BackupService {
  async backup(backup: Backup, file: VolumeFile): Promise<void> {
    console.log(backup.id, file.path);
  }
  async restore(backup: Backup, volumeId: string, file: VolumeFile): Promise<void> {
    console.log(backup.id, volumeId, file.path);
  }
}

export async function thereAndBack(volume: Volume, backup: Backup, signal: AbortSignal): Promise<number> {
  await using simulator = await startSimulator({ mode: 'esxi' });
  const { host, port, username, password, thumbprint } = simulator;
  await using session = new SoapVimSession({ host, port, username, password, thumbprint });
  await session.connect();
  const vim: VimSession = session;
  const services: BackupService[] = [new FileBackupService({ directory: '/backups' }), new OwnService()];
  const phases: string[] = [];
  const onProgress = ({ phase, bytesDone }: Progress): void => {
    phases.push(`${phase} ${bytesDone}`);
  };
  for (const backupService of services) {
    const driver = new VmdkDriver({ vim, backupService, logger });
    const manifest: BackupManifest = await driver.backupVolume(backup, volume, { signal, onProgress });
    await driver.restoreBackup(backup, volume, { manifest, signal, onProgress });
    await driver.verifyBackup(backup, { manifest, signal });
    await driver.recover({ olderThanMs: 60_000 });
  }
  return simulator.leftovers().length;
}

export async function capacityOf(path: string): Promise<number | string> {
  try {
    const info: VmdkInfo = await inspectVmdk(path);
    return info.capacityBytes;
  } catch (error) {
    if (error instanceof InvalidVmdkError) return `${error.reason} at ${error.offset}`;
    if (error instanceof VmdkDriverError) return error.code satisfies ErrorCode;
    throw error;
  }
}

// @ts-expect-error -- the declarations are not `any`
new VmdkDriver({ vim: 'a string' });
