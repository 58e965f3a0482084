import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { digest } from '../../../src/testing/digest.js';
import { bytesPerMiB, newBackup, store as storeBackup } from './backups.js';
import { freshPlace, type Place, serviceAt } from './place.js';
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

/** Less than a segment. */
export const quotaBytes = 3 * bytesPerMiB;
