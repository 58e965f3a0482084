import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { digest } from '../../../src/testing/digest.js';
import { bytesPerMiB, newBackup, restored, store as storeBackup } from './backups.js';
import { type ConnectionFault, FaultProxy } from './fault-proxy.js';
import { freshPlace, type PlaceOnHttp, serviceAt } from './place.js';
import { trial } from './trial.js';

/** How long a connection may stall here, in milliseconds. One that does so on a busy machine is made anew, too. */
const stallTimeoutMs = 3000;

const afterBytes = 2 * bytesPerMiB;

/** The store where it knows an object's MD5, else the service. */
const refused: unknown = expect.stringMatching(/^(STORE_FAILED|BACKUP_CORRUPT)$/);

const faults = [
  { name: 'connection cut', fault: 'cut' },
  { name: 'connection stalled', fault: 'stall' },
  { name: 'one bit flipped (wrong ETag)', fault: 'flip' },
] as const;

/** Declares the tests with connections that break; they are made to `port` of the place. */
export function testConnections(store: string, at: () => PlaceOnHttp): void {
  test.each(faults)(`${store}: a backup, and sometimes: $name`, async ({ name, fault }) => {
    const place = await freshPlace(at());
    const [backup, bytes] = [newBackup(), randomBytes(30 * bytesPerMiB)];
    await trial({ store, operation: 'backup', fault: `${name}, 3 times` }, place, backup, async () => {
      await using proxy = await FaultProxy.start(at().port, { fault, direction: 'up', afterBytes, times: 3 });
      await storeBackup(serviceAt({ ...place, port: proxy.port, stallTimeoutMs } as PlaceOnHttp), backup, bytes);
      expect(proxy.spoiled).toBe(3);
      return [digest(bytes)];
    });
  });

  test.each(faults)(`${store}: a backup, and always: $name, leaves the one before`, async (each) => {
    const place = await freshPlace(at());
    const [backup, kept] = [newBackup(), randomBytes(5000)];
    const what = { store, operation: 'backup, replacing one', fault: `${each.name}, always` };
    await trial(what, place, backup, async () => {
      await storeBackup(serviceAt(place), backup, kept);
      const fault: ConnectionFault = { fault: each.fault, direction: 'up', afterBytes, times: Infinity };
      await using proxy = await FaultProxy.start(at().port, fault);
      const service = serviceAt({ ...place, port: proxy.port, stallTimeoutMs, isImpatient: true } as PlaceOnHttp);
      await expect(storeBackup(service, backup, randomBytes(20 * bytesPerMiB))).rejects.toMatchObject({
        code: 'STORE_FAILED',
      });
      return [digest(kept)];
    });
  });

  test.each(faults)(`${store}: a restore, and sometimes: $name`, async ({ name, fault }) => {
    const place = await freshPlace(at());
    const [backup, bytes] = [newBackup(), randomBytes(20 * bytesPerMiB)];
    await trial({ store, operation: 'restore', fault: `${name}, 2 times` }, place, backup, async () => {
      await storeBackup(serviceAt(place), backup, bytes);
      await using proxy = await FaultProxy.start(at().port, { fault, direction: 'down', afterBytes, times: 2 });
      const restoring = restored(serviceAt({ ...place, port: proxy.port, stallTimeoutMs } as PlaceOnHttp), backup);
      // Bytes that were handed on cannot be taken back: wrong ones end the restore.
      if (fault === 'flip') await expect(restoring).rejects.toMatchObject({ code: refused });
      else expect(await restoring).toBe(digest(bytes));
      expect(proxy.spoiled).toBeGreaterThan(0);
      return [digest(bytes)];
    });
  });
}
