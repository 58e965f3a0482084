import { expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VmdkDriver, VmdkDriverError } from 'vmdk-driver';
import { FileBackupService } from 'vmdk-driver/services';
import { startSimulator } from 'vmdk-driver/simulator';
import { SoapVimSession } from 'vmdk-driver/vim';

test('backs up, and is refused what is not there', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'vmdk-driver-ts-jest-'));
  const simulator = await startSimulator();
  try {
    const { host, port, username, password, thumbprint } = simulator;
    const vim = new SoapVimSession({ host, port, username, password, thumbprint });
    await vim.connect();
    const driver = new VmdkDriver({ vim, backupService: new FileBackupService({ directory }) });
    const volume = { id: randomUUID(), size: 1 };
    const manifest = await driver.backupVolume({ id: 'b', volumeId: volume.id }, volume);
    expect(manifest.capacityBytes).toBe(1024 ** 3);
    const missing: unknown = await driver.restoreBackup({ id: 'c', volumeId: volume.id }, volume).catch((e) => e);
    expect(missing).toBeInstanceOf(VmdkDriverError);
    expect(missing).toMatchObject({ code: 'BACKUP_NOT_FOUND' });
    await vim.disconnect();
  } finally {
    await simulator.close();
    await rm(directory, { recursive: true });
  }
}, 600_000);
