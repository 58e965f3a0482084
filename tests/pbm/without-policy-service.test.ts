import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { InvalidInputError, type Logger, RestoreError } from '../../src/index.js';
import type { SimulatorOptions } from '../../src/simulator/index.js';
import { Lab } from '../driver/support/lab.js';
import { volumeOfPolicy } from './support/policies.js';

let lab: Lab;
const warnings: string[] = [];
const logger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (_fields, message) => warnings.push(message),
  error: () => undefined,
};

async function start(simulator: SimulatorOptions): Promise<void> {
  warnings.length = 0;
  lab = await Lab.start({ simulator, logger });
}

afterEach(async () => {
  await lab[Symbol.asyncDispose]();
});

describe('a vCenter whose storage policy service is down', () => {
  test('backs up, and restores over a backing of which nothing says that it has a policy', async () => {
    await start({ storagePolicyService: false });
    const volume = await lab.addVolume();
    const backup = { id: 'b', volumeId: volume.id };
    const content = await lab.contentOf(volume);

    const manifest = await lab.driver.backupVolume(backup, volume);
    await lab.simulator.writeDisk(lab.diskOf(volume).path, Buffer.from('spoilt'));
    await lab.driver.restoreBackup(backup, volume, { manifest });

    expect(manifest).not.toHaveProperty('storageProfile');
    expect(await lab.contentOf(volume)).toBe(content);
    const warning = 'the storage policies of a backing cannot be told';
    expect(warnings).toEqual([warning, warning]);
    await lab.expectNothingLeft();
  });

  test('refuses a restore over a backing that had one, and changes nothing', async () => {
    await start({ storagePolicyService: false });
    const volume = await lab.addVolume();
    const backup = { id: 'b', volumeId: volume.id };
    const manifest = { ...(await lab.driver.backupVolume(backup, volume)), storageProfile: 'gold-id' };

    const error = await lab.refusedUnchanged(() => lab.driver.restoreBackup(backup, volume, { manifest }));

    expect(error).toBeInstanceOf(RestoreError);
    expect(error.retryable).toBe(true);
  });

  test('restores to a new volume of which nothing asks for a policy, without asking', async () => {
    await start({ storagePolicyService: false });
    const volume = await lab.addVolume();
    const backup = { id: 'b', volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);
    warnings.length = 0;

    await lab.driver.restoreBackup(backup, { id: randomUUID(), size: 1 }, { manifest });

    expect(warnings).toEqual([]);
  });

  test.each(['NotSupported', 'PbmFaultNoPermission'])('is taken as one that answers %s', async (fault) => {
    await start({});
    const volume = await lab.addVolume();
    lab.simulator.injectFault({ method: 'PbmQueryAssociatedProfiles', kind: { fault } });

    const manifest = await lab.driver.backupVolume({ id: 'b', volumeId: volume.id }, volume);

    expect(manifest).not.toHaveProperty('storageProfile');
    expect(warnings).toHaveLength(1);
  });

  test('does not keep a cancelled backup going', async () => {
    await start({});
    const volume = await lab.addVolume();
    const controller = new AbortController();
    lab.simulator.injectFault({ method: 'PbmQueryAssociatedProfiles', kind: 'hang' });
    lab.simulator.onCall(({ call }) => {
      if (call.method === 'PbmQueryAssociatedProfiles') controller.abort();
    });

    const backup = lab.driver.backupVolume({ id: 'b', volumeId: volume.id }, volume, { signal: controller.signal });

    await expect(backup).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('an ESXi host', () => {
  test('is never asked for policies', async () => {
    await start({ mode: 'esxi' });
    const volume = { id: randomUUID(), size: 1 };
    const backup = { id: 'b', volumeId: volume.id };

    const manifest = await lab.driver.backupVolume(backup, volume);
    await lab.driver.restoreBackup(backup, volume, { manifest: { ...manifest, storageProfile: 'gold-id' } });
    const copy = { id: randomUUID(), size: 1 };
    await lab.driver.restoreBackup(backup, copy, { manifest: { ...manifest, storageProfile: 'gold-id' } });

    expect(lab.simulator.calls().filter(({ method }) => method.startsWith('Pbm'))).toEqual([]);
    expect(warnings).toEqual(["a backup's storage policy does not exist here"]);
    await lab.expectNothingLeft();
  });

  test('refuses a new backing whose type names one', async () => {
    await start({ mode: 'esxi' });

    const error = await lab.refusedUnchanged(() => lab.driver.createBacking(volumeOfPolicy('gold')));

    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error).toMatchObject({ field: 'volume.volumeType.extraSpecs.vmware:storage_profile' });
  });
});
