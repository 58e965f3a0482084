import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Backup, BackupService, Phase, Progress, TransferSlots, Volume } from '../../src/index.js';
import { CountedSlots } from '../../src/operation/transfer-slots.js';
import { Lab, refusal } from './support/lab.js';
import { filesOnly } from './support/services.js';

let lab: Lab;
let volume: Volume;
let backup: Backup;

beforeAll(async () => {
  lab = await Lab.start();
  volume = await lab.addVolume();
  backup = { id: 'good', volumeId: volume.id };
  await lab.driver.backupVolume(backup, volume);
});
afterAll(() => lab[Symbol.asyncDispose]());

const reason = new Error('the user pressed cancel');
/** Less than any time-out that would end what was not aborted: even a busy machine is sooner. */
const soonMs = 100_000;

/** Runs an operation, aborts it as it enters a phase, and says what it ended with and how soon. */
async function abortIn(
  phase: Phase,
  operate: (options: { signal: AbortSignal; onProgress: (progress: Progress) => void }) => Promise<unknown>,
) {
  const abort = new AbortController();
  let abortedAt = 0;
  const error = await lab.refusedUnchanged(() =>
    operate({
      signal: abort.signal,
      onProgress: (progress) => {
        if (progress.phase !== phase || abort.signal.aborted) return;
        abortedAt = Date.now();
        abort.abort(reason);
      },
    }),
  );
  expect(abortedAt).toBeGreaterThan(0);
  return { error, afterMs: Date.now() - abortedAt };
}

describe.each(['file', 'stream'] as const)(
  'an abort ends the operation wherever it is, and leaves nothing (%s)',
  (transfer) => {
    /** A service that takes its time, and stops as its contract asks it to. */
    const slowly = (service: BackupService): BackupService => {
      const wait = (signal?: AbortSignal) =>
        new Promise<never>((_resolve, reject) => {
          const stop = () => reject(signal?.reason as Error);
          if (signal?.aborted === true) stop();
          else signal?.addEventListener('abort', stop);
        });
      return filesOnly(service, {
        backup: (_backup, _file, options) => wait(options?.signal),
        restore: (_backup, _volumeId, _file, options) => wait(options?.signal),
      });
    };

    const ofBackup: Phase[] = transfer === 'file' ? ['prepare', 'export', 'store'] : ['prepare', 'export'];
    test.each(ofBackup)('backup, in phase %s', async (phase) => {
      const service = phase === 'store' ? slowly(lab.service) : lab.service;
      const driver = lab.driverWith({ service, config: { transfer } });
      const id = randomUUID();
      const { error, afterMs } = await abortIn(phase, (options) =>
        driver.backupVolume({ id, volumeId: volume.id }, volume, options),
      );
      expect(error).toMatchObject({ code: 'ABORTED', cause: reason, phase, retryable: false });
      expect(afterMs).toBeLessThan(soonMs);
      expect(await refusal(() => lab.driver.verifyBackup({ id, volumeId: volume.id }))).toMatchObject({
        code: 'BACKUP_NOT_FOUND',
      });
    });

    const ofRestore: Phase[] =
      transfer === 'file' ? ['prepare', 'fetch', 'validate', 'import', 'swap'] : ['prepare', 'import', 'swap'];
    test.each(ofRestore)('restore over an existing volume, in phase %s', async (phase) => {
      const service = phase === 'fetch' ? slowly(lab.service) : lab.service;
      const driver = lab.driverWith({ service, config: { transfer } });
      const { error, afterMs } = await abortIn(phase, (options) => driver.restoreBackup(backup, volume, options));
      expect(error).toMatchObject({ code: 'ABORTED', cause: reason, cleanup: 'done' });
      expect(afterMs).toBeLessThan(soonMs);
    });

    test.each<Phase>(['import', 'swap'])('restore to a new volume, in phase %s', async (phase) => {
      const driver = lab.driverWith({ config: { transfer } });
      await driver.restoreBackup(backup, { id: randomUUID(), size: 1 }); // makes the folder
      const { error } = await abortIn(phase, (options) =>
        driver.restoreBackup(backup, { id: randomUUID(), size: 1 }, options),
      );
      expect(error).toMatchObject({ code: 'ABORTED', cause: reason });
    });
  },
);

test('an operation whose signal is aborted already does nothing at all', async () => {
  const calls = lab.simulator.calls().length;
  const signal = AbortSignal.abort(reason);
  for (const operate of [
    () => lab.driver.backupVolume({ ...backup, id: 'x' }, volume, { signal }),
    () => lab.driver.restoreBackup(backup, volume, { signal }),
    () => lab.driver.verifyBackup(backup, { signal }),
  ]) {
    expect(await lab.refusedUnchanged(operate)).toMatchObject({ code: 'ABORTED', cause: reason });
  }
  expect(lab.simulator.calls()).toHaveLength(calls);
});

test('an abort after the exchange changes nothing any more: the restore is done, and cleans up', async () => {
  const abort = new AbortController();
  const result = await lab.driver.restoreBackup(backup, volume, {
    signal: abort.signal,
    onProgress: ({ phase }) => {
      if (phase === 'cleanup') abort.abort(reason);
    },
  });
  expect(result).toMatchObject({ cleanup: 'done' });
  await lab.expectNothingLeft();
});

test('a transfer that waits for its turn can be aborted', async () => {
  const other = await lab.addVolume();
  let asked = 0;
  const slots = new CountedSlots(1);
  const take: TransferSlots['take'] = (host, options) => {
    asked++;
    return slots.take(host, options);
  };
  const driver = lab.driverWith({ config: { transferSlots: { take } } });
  lab.simulator.injectTransferFault({ direction: 'export', kind: 'stall', atByte: 1000 });
  const holder = new AbortController();
  const first = driver.backupVolume({ id: 'first', volumeId: other.id }, other, { signal: holder.signal });
  const firstEnds = refusal(() => first);
  while (!lab.simulator.leases().some(({ transfers }) => transfers.some(({ state }) => state === 'open'))) {
    await new Promise(setImmediate);
  }
  const exports = lab.callsOf('ExportVm');
  const abort = new AbortController();
  const second = refusal(() =>
    driver.backupVolume({ id: 'second', volumeId: volume.id }, volume, { signal: abort.signal }),
  );
  while (asked < 2) await new Promise(setImmediate);
  abort.abort(reason);
  expect(await second).toMatchObject({ code: 'ABORTED', cause: reason });
  // A lease would have run out while its transfer waited.
  expect(lab.callsOf('ExportVm')).toBe(exports);
  holder.abort();
  await firstEnds;
  await lab.expectNothingLeft();
});
