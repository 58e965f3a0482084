import { randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { bytesPerMiB, Lab } from '../../driver/support/lab.js';
import { filesOnly } from '../../driver/support/services.js';
import { freshPlace, type Place, serviceAt } from './place.js';
import { trial } from './trial.js';

/** Declares the tests of the driver from end to end, against the simulator. `at` is called when the servers run. */
export function testDriver(store: string, at: () => Place): void {
  test.each(['stream', 'file'])(`${store}: backup, verify and restore by %s`, async (how) => {
    const place = await freshPlace(at());
    const service = serviceAt(place);
    await using lab = await Lab.start({ service: how === 'file' ? filesOnly(service) : service });
    const volume = await lab.addVolume({}, randomBytes(24 * bytesPerMiB));
    const content = await lab.contentOf(volume);
    const backup = { id: randomUUID(), volumeId: volume.id, size: 1 };
    await trial({ store, operation: `backup, verify, restore by ${how}`, fault: '-' }, place, backup, async () => {
      const manifest = await lab.driver.backupVolume(backup, volume);
      await lab.driver.verifyBackup(backup, { manifest });
      await lab.simulator.writeDisk(lab.diskOf(volume).path, randomBytes(bytesPerMiB));
      const created = { id: randomUUID(), size: 1 };
      const larger = { id: randomUUID(), size: 2 };
      for (const target of [volume, created, larger]) {
        await lab.driver.restoreBackup(backup, target, { manifest });
        expect(await lab.contentOf(target)).toBe(content);
      }
      await lab.expectNothingLeft();
      return [manifest.sha256];
    });
  });
}
