import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { manifestOf } from '../../../src/testing/backup-service/sample-backup.js';
import { digest } from '../../../src/testing/digest.js';
import { bytesPerMiB, newBackup } from './backups.js';
import { freshPlace, type Place, serviceAt } from './place.js';
import { trial } from './trial.js';

/** Declares the tests of two writers of one backup. */
export function testTwoWriters(store: string, at: () => Place): void {
  test(`${store}: two writers of one backup at once`, async () => {
    for (let round = 0; round < 3; round++) {
      const place = await freshPlace(at());
      const backup = newBackup();
      const contents = [randomBytes(9 * bytesPerMiB), randomBytes(10 * bytesPerMiB)];
      await trial({ store, operation: 'backup', fault: 'two writers at once' }, place, backup, async () => {
        // Each has a service of its own, as two processes have.
        const writers = await Promise.all(contents.map(() => serviceAt(place).openBackup(backup)));
        await Promise.all(
          contents.map(async (bytes, index) => {
            for (let offset = 0; offset < bytes.length; offset += bytesPerMiB) {
              await writers[index]!.write(bytes.subarray(offset, offset + bytesPerMiB));
            }
          }),
        );
        const commits = await Promise.allSettled(
          contents.map((bytes, index) => writers[index]!.commit(manifestOf(backup, bytes))),
        );
        await Promise.all(writers.map((writer) => writer.abort()));
        const committed = contents.filter((_, index) => commits[index]?.status === 'fulfilled');
        expect(committed.length).toBeGreaterThan(0);
        return committed.map(digest);
      });
    }
  });
}
