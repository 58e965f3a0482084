import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { manifestOf } from '../../../src/testing/backup-service/sample-backup.js';
import { digest } from '../../../src/testing/digest.js';
import { until } from '../../support/until.js';
import { bytesPerMiB, newBackup, restored, store as storeBackup } from './backups.js';
import { type ConnectionFault, FaultProxy } from './fault-proxy.js';
import { freshPlace, type Place, type PlaceOnHttp, serviceAt } from './place.js';
import { trial } from './trial.js';

/** A fault of the servers. */
export interface ServerFault {
  readonly name: string;
  begin(): Promise<void>;
  /** Left out where it is over by itself. */
  end?(): Promise<void>;
}

const segmentBytes = 4 * bytesPerMiB;

/** Declares the tests with servers that fail while half of a segment is on its way. Names are known before the servers run. */
export function testServerFaults(store: string, at: () => PlaceOnHttp, faults: readonly ServerFault[]): void {
  /** Whatever comes of what is tried meanwhile, the fault is over once this is disposed of. */
  const during = async (place: Place, each: ServerFault, direction: ConnectionFault['direction']) => {
    let begun: Promise<void> | undefined;
    let over: Promise<void> | undefined;
    const end = () =>
      (over ??= Promise.allSettled([begun]).then(() => (begun === undefined ? undefined : each.end?.())));
    const proxy = await FaultProxy.start(at().port, {
      direction,
      afterBytes: segmentBytes / 2,
      times: 1,
      fault: () => {
        begun = each.begin();
        // It lasts until the client has met it. A failure to end it is met by whoever disposes of it.
        begun.then(() => until(() => proxy.refusals > 0 || over !== undefined).then(end)).catch(() => undefined);
        return begun;
      },
    });
    return {
      service: serviceAt({ ...place, port: proxy.port } as PlaceOnHttp),
      proxy,
      [Symbol.asyncDispose]: async () => {
        // Without it the fault does not begin any more.
        await proxy[Symbol.asyncDispose]();
        await end();
      },
    };
  };

  test.each(faults)(`${store}: a backup, and $name`, async (fault) => {
    const place = await freshPlace(at());
    const [backup, bytes] = [newBackup(), randomBytes(30 * bytesPerMiB)];
    await trial({ store, operation: 'backup', fault: fault.name }, place, backup, async () => {
      await using trouble = await during(place, fault, 'up');
      await storeBackup(trouble.service, backup, bytes);
      expect(trouble.proxy.spoiled).toBe(1);
      return [digest(bytes)];
    });
  });

  test.each(faults)(`${store}: a restore, and $name`, async (fault) => {
    const place = await freshPlace(at());
    const [backup, bytes] = [newBackup(), randomBytes(30 * bytesPerMiB)];
    await trial({ store, operation: 'restore', fault: fault.name }, place, backup, async () => {
      await storeBackup(serviceAt(place), backup, bytes);
      await using trouble = await during(place, fault, 'down');
      expect(await restored(trouble.service, backup)).toBe(digest(bytes));
      expect(trouble.proxy.spoiled).toBe(1);
      return [digest(bytes)];
    });
  });
}

/** Declares a test with a server that stands still for a while, in which nothing fails. */
export function testPausedServer(store: string, at: () => Place, fault: Required<ServerFault>): void {
  test(`${store}: a backup, and ${fault.name}`, async () => {
    const place = await freshPlace(at());
    const [backup, bytes] = [newBackup(), randomBytes(48 * bytesPerMiB)];
    await trial({ store, operation: 'backup', fault: fault.name }, place, backup, async () => {
      const writer = await serviceAt(place).openBackup(backup);
      let over: Promise<void> | undefined;
      try {
        for (let offset = 0; offset < bytes.length; offset += bytesPerMiB) {
          if (offset === 20 * bytesPerMiB) {
            await fault.begin();
            over = pause(2000).then(() => fault.end());
          }
          await writer.write(bytes.subarray(offset, offset + bytesPerMiB));
        }
        await writer.commit(manifestOf(backup, bytes));
      } finally {
        await over;
      }
      return [digest(bytes)];
    });
  });
}
