import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { Backup } from '../../../src/index.js';
import { digest } from '../../../src/testing/digest.js';
import { bytesPerMiB, newBackup, store as storeBackup } from './backups.js';
import { freshPlace, type Place, type PlacedService, type PlaceOfImages, serviceAt } from './place.js';
import type { ServerFault } from './server-fault-tests.js';
import { trial } from './trial.js';

/** Declares the test of a place that takes no more than {@link quotaBytes}. */
export function testQuota(store: string, kind: string, at: () => Place): void {
  test(`${store}: a backup, and the ${kind} is full`, async () => {
    const place = await freshPlace(at());
    const [backup, kept] = [newBackup(), randomBytes(5000)];
    await trial({ store, operation: 'backup, replacing one', fault: `${kind} full` }, place, backup, async () => {
      await storeBackup(serviceAt(place), backup, kept);
      await expect(storeBackup(serviceAt(place), backup, randomBytes(9 * bytesPerMiB))).rejects.toMatchObject({
        code: 'STORE_FAILED',
        reason: 'quota',
      });
      return [digest(kept)];
    });
  });
}

/** Declares the tests of a cluster without room, whose clients wait until there is some. */
export function testFullCluster(store: string, at: () => PlaceOfImages, full: Required<ServerFault>): void {
  test.each([
    [
      'backup, replacing one',
      { reason: 'stalled' },
      (service: PlacedService, backup: Backup) => storeBackup(service, backup, randomBytes(9 * bytesPerMiB)),
    ],
    ['delete', {}, async (service: PlacedService, backup: Backup) => service.delete?.(backup)],
  ])(`${store}: %s, and ${full.name}`, async (operation, refusal, act) => {
    const place = await freshPlace(at());
    const [backup, kept] = [newBackup(), randomBytes(5000)];
    await trial({ store, operation, fault: full.name }, place, backup, async () => {
      await storeBackup(serviceAt(place), backup, kept);
      await full.begin();
      try {
        const impatient = serviceAt({ ...place, stallTimeoutMs: 5000 });
        await expect(act(impatient, backup)).rejects.toMatchObject({ code: 'STORE_FAILED', ...refusal });
      } finally {
        await full.end();
      }
      return [digest(kept)];
    });
  });
}

/** Less than a segment. */
export const quotaBytes = 3 * bytesPerMiB;
