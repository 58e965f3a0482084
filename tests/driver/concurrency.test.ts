import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Backup, Volume } from '../../src/index.js';
import { temporaryVmName, temporaryVmUuid, writeJournal } from '../../src/journal/restore-journal.js';
import { Lab, refusal } from './support/lab.js';
import { filesOnly, writingTo } from './support/services.js';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start();
});
afterAll(() => lab[Symbol.asyncDispose]());

async function backedUp(): Promise<{ volume: Volume; backup: Backup }> {
  const volume = await lab.addVolume();
  const backup = { id: randomUUID(), volumeId: volume.id };
  await lab.driver.backupVolume(backup, volume);
  return { volume, backup };
}

describe('two operations on one volume at once', () => {
  test('the second is refused, whichever driver object runs it; the first is not disturbed', async () => {
    const { volume, backup } = await backedUp();
    const first = lab.driver.restoreBackup(backup, volume);
    for (const second of [
      () => lab.driver.restoreBackup(backup, volume),
      () => lab.driverWith({}).backupVolume({ ...backup, id: 'x' }, volume),
    ]) {
      const error = await refusal(second);
      expect(error).toMatchObject({ code: 'VOLUME_BUSY', retryable: true });
      // Who, and since when.
      expect(error.message).toMatch(new RegExp(`this process \\(${process.pid}\\) since \\d{4}-\\d\\d-\\d\\dT`));
    }
    expect(await first).toMatchObject({ cleanup: 'done' });
    await lab.expectNothingLeft();
  });

  test('the lock goes with the operation, well ended or not', async () => {
    const { volume, backup } = await backedUp();
    lab.simulator.injectFault({ method: 'ExportVm', kind: { fault: 'RuntimeFault' } });
    await refusal(() => lab.driver.backupVolume({ ...backup, id: 'x' }, volume));
    await refusal(() => lab.driver.restoreBackup({ ...backup, id: 'missing' }, volume));
    expect(await lab.driver.backupVolume({ ...backup, id: 'x' }, volume)).toMatchObject({ backupId: 'x' });
  });

  test('thousands that are begun in one turn of the event loop take several, in order', async () => {
    let begun = 0;
    const logger = { info: (_fields: object, message: string) => (begun += message === 'verify begins' ? 1 : 0) };
    const driver = lab.driverWith({ logger: logger as never });
    const asked = Array.from({ length: 3_000 }, (_, n) => ({ id: `missing-${n}`, volumeId: 'v' }));
    const ends = Promise.allSettled(
      asked.map((backup) => driver.verifyBackup(backup, { signal: AbortSignal.abort() })),
    );
    expect(begun).toBeGreaterThan(0);
    expect(begun).toBeLessThan(3_000);
    await ends;
    expect(begun).toBe(3_000);
  });

  test('each runs in the asynchronous context that it was begun in', async () => {
    const tenants = new AsyncLocalStorage<number>();
    const seen: [asked: number, found: number | undefined][] = [];
    const driver = lab.driverWith({
      service: filesOnly(lab.service, {
        readManifest: async ({ id }) => {
          seen.push([Number(id), tenants.getStore()]);
          throw new Error('enough');
        },
      }),
    });
    const begin = (tenant: number) =>
      tenants.run(tenant, () => driver.verifyBackup({ id: String(tenant), volumeId: 'v' }));
    await Promise.allSettled(Array.from({ length: 1_000 }, (_, tenant) => begin(tenant)));
    expect(seen).toHaveLength(1_000);
    expect(seen.filter(([asked, found]) => asked !== found)).toEqual([]);
  });

  test('different volumes do not wait for each other', async () => {
    const all = await Promise.all([backedUp(), backedUp(), backedUp()]);
    const [one, two, three] = all.map((each) => ({ ...each, content: lab.contentOf(each.volume) }));
    await Promise.all([
      lab.driver.restoreBackup(one!.backup, one!.volume),
      lab.driver.restoreBackup(two!.backup, two!.volume),
      lab.driver.backupVolume({ ...three!.backup, id: randomUUID() }, three!.volume),
    ]);
    for (const { volume, content } of [one!, two!, three!]) expect(await lab.contentOf(volume)).toBe(await content);
    await lab.expectNothingLeft();
  });
});

/** What a restore by another process looks like while its bytes move: a temporary VM with a journal. */
async function restoreElsewhere(volumeId: string): Promise<{ end: () => Promise<void> }> {
  const name = temporaryVmName(volumeId);
  const vm = await lab.simulator.addVm({
    name,
    folder: 'elsewhere',
    disk: { capacityBytes: 2 ** 20 },
    extraConfig: writeJournal({
      operation: randomUUID(),
      token: randomUUID(),
      stamp: new Date().toISOString(),
      owner: 'another-host:4711',
      startedAt: new Date().toISOString(),
      volumeId,
      volumeName: `volume-${volumeId}`,
    }),
  });
  await lab.vim.invoke('ReconfigVM_Task', vm.ref, { spec: { uuid: temporaryVmUuid } });
  while (lab.simulator.vm(name)!.uuid !== temporaryVmUuid) await new Promise(setImmediate);
  return { end: () => lab.simulator.removeVm(name) };
}

describe('a restore that another process runs is seen by its journal, wherever its temporary VM lies', () => {
  test('backup and restore of the volume are refused, before anything is created', async () => {
    const { volume, backup } = await backedUp();
    const unborn = { id: randomUUID(), size: 1 };
    for (const target of [volume, unborn]) {
      const elsewhere = await restoreElsewhere(target.id);
      const before = await lab.everything();
      for (const operate of [
        () => lab.driver.backupVolume({ id: 'x', volumeId: target.id }, target),
        () => lab.driver.restoreBackup(backup, target),
      ]) {
        const error = await refusal(operate);
        expect(error).toMatchObject({ code: 'VOLUME_BUSY', retryable: true, phase: 'prepare' });
        expect(error.message).toContain('another-host:4711');
        expect(await lab.everything()).toEqual(before);
      }
      await elsewhere.end();
    }
    expect(await lab.driver.restoreBackup(backup, volume)).toMatchObject({ cleanup: 'done' });
  });

  test('nor is its backing created, extended or deleted meanwhile', async () => {
    const { volume } = await backedUp();
    const elsewhere = await restoreElsewhere(volume.id);
    const before = await lab.everything();
    for (const operate of [
      () => lab.driver.createBacking(volume),
      () => lab.driver.extendVolume(volume, 9),
      () => lab.driver.deleteBacking(volume),
    ]) {
      expect(await refusal(operate)).toMatchObject({ code: 'VOLUME_BUSY', retryable: true });
      expect(await lab.everything()).toEqual(before);
    }
    await elsewhere.end();
  });

  test('recover() leaves it alone while it is young, and ends it when it is old', async () => {
    const { volume } = await backedUp();
    const fresh = randomUUID();
    await restoreElsewhere(fresh);
    expect(await lab.driver.recover()).toMatchObject({ restores: [{ volumeId: fresh, outcome: 'running' }] });
    expect(lab.simulator.vm(temporaryVmName(fresh))).toBeDefined();
    expect(await lab.driver.recover({ olderThanMs: 0 })).toMatchObject({
      restores: [{ volumeId: fresh, owner: 'another-host:4711', outcome: 'undone' }],
    });
    expect(lab.simulator.vm(temporaryVmName(fresh))).toBeUndefined();
    expect(lab.diskOf(volume)).toBeDefined();
    await lab.expectNothingLeft();
  });

  test("another process' export holds the backing: a backup is refused as busy, and told it may be tried again", async () => {
    const { volume, backup } = await backedUp();
    const lease = await lab.vim.invoke('ExportVm', lab.vmOf(volume).ref, {});
    expect(await refusal(() => lab.driver.backupVolume({ ...backup, id: 'x' }, volume))).toMatchObject({
      code: 'VOLUME_BUSY',
      retryable: true,
      cause: { faultName: 'TaskInProgress' },
    });
    await lab.vim.invoke('HttpNfcLeaseAbort', lease, {});
    await lab.expectNothingLeft();
  });
});

test.each([1, 2])('no more than transfersPerHost (%i) transfers run at a time', async (transfersPerHost) => {
  const volumes = await Promise.all([1, 2, 3, 4].map(() => lab.addVolume()));
  let most = 0;
  // One has its lease from its beginning to its end, and no longer.
  const running = () => lab.simulator.leases().filter(({ state }) => state === 'ready').length;
  const service = writingTo({
    write: async () => {
      most = Math.max(most, running());
      await new Promise((resolve) => setTimeout(resolve, 50));
    },
  });
  const driver = lab.driverWith({ service, config: { transfersPerHost } });
  await Promise.all(volumes.map((volume) => driver.backupVolume({ id: volume.id, volumeId: volume.id }, volume)));
  expect(most).toBeGreaterThanOrEqual(1);
  expect(most).toBeLessThanOrEqual(transfersPerHost);
  await lab.expectNothingLeft();
});
