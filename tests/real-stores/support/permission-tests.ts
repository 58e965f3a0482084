import { randomBytes } from 'node:crypto';
import { test } from '@jest/globals';
import { digest } from '../../../src/testing/digest.js';
import { bytesPerMiB, newBackup, store as storeBackup } from './backups.js';
import { freshPlace, type Place, serviceAt } from './place.js';
import { trial } from './trial.js';

/** Declares the test of a user who has the permissions of docs/stores.md, and no others. */
export function testPermissions(store: string, at: () => Place): void {
  test(`${store}: as a user with the documented permissions only`, async () => {
    const place = await freshPlace(at());
    const backup = newBackup();
    const bytes = randomBytes(9 * bytesPerMiB);
    const what = { store, operation: 'backup, replace, restore, delete, sweep', fault: 'least permissions' };
    await trial(what, place, backup, async () => {
      await storeBackup(serviceAt(place), backup, randomBytes(1000));
      await storeBackup(serviceAt(place), backup, bytes);
      return [digest(bytes)];
    });
  });
}
