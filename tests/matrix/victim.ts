/** A process that does one piece of work, and is killed in the middle of it. */
import { type BackupManifest, VmdkDriver, type Volume } from '../../src/index.js';
import { type Backup, FileBackupService } from '../../src/services/index.js';
import { SoapVimSession } from '../../src/vim/index.js';
import type { LabAddress } from './lab.js';
import type { TransferPath, Work } from './scenario.js';

export interface VictimOrder {
  readonly address: LabAddress;
  readonly transfer: TransferPath;
  readonly work: Work;
  readonly backup: Backup;
  readonly volume: Volume;
  readonly manifest: BackupManifest;
}

async function obey({ address, transfer, work, backup, volume, manifest }: VictimOrder): Promise<void> {
  const { directory, tmpDir, ...server } = address;
  const vim = new SoapVimSession(server);
  await vim.connect();
  const driver = new VmdkDriver({
    vim,
    backupService: new FileBackupService({ directory }),
    config: { tmpDir, transfer },
  });
  if (work.startsWith('restore')) await driver.restoreBackup(backup, volume, { manifest });
  else await driver.backupVolume(backup, volume);
}

process.on('message', (order: VictimOrder) => {
  obey(order).then(
    () => process.send?.('survived'),
    (error: unknown) => process.send?.(`failed: ${String(error)}`),
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
