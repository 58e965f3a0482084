import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  InvalidInputError,
  NoValidDatastoreError,
  RestoreError,
  VimConnectionError,
  type VimSession,
  type Volume,
} from '../../src/index.js';
import type { MethodArgs } from '../../src/vim/schema/index.js';
import { bytesPerGiB, Lab, refusal } from '../driver/support/lab.js';
import { policies, volumeOfPolicy, volumeWithPolicy } from './support/policies.js';

let lab: Lab;

beforeEach(async () => {
  lab = await Lab.start({ simulator: { storagePolicies: policies } });
});

afterEach(async () => {
  await lab[Symbol.asyncDispose]();
});

const pbmCalls = () => lab.simulator.calls().filter(({ method }) => method.startsWith('Pbm'));

/** The policies of a volume's backing and of its disk. */
function profilesOf(volume: Pick<Volume, 'id'>): [string | undefined, string | undefined] {
  return [lab.vmOf(volume).storageProfile, lab.diskOf(volume).storageProfile];
}

describe('a new backing', () => {
  test('gets the policy its volume type names, on VM and disk, in a datastore that complies', async () => {
    const volume = volumeOfPolicy('gold');

    await lab.driver.createBacking(volume);

    expect(profilesOf(volume)).toEqual(['gold-id', 'gold-id']);
    expect(lab.diskOf(volume).path).toMatch(/^\[datastore2\]/);
    expect(pbmCalls().map(({ method }) => method)).toEqual([
      'PbmRetrieveServiceContent',
      'PbmQueryProfile',
      'PbmRetrieveContent',
      'PbmQueryMatchingHub',
    ]);
  });

  test.each([{}, { 'vmware:storage_profile': '' }])('of a type that names none has none: %j', async (extraSpecs) => {
    const volume = { id: randomUUID(), size: 1, volumeType: { extraSpecs } };

    await lab.driver.createBacking(volume);

    expect(profilesOf(volume)).toEqual([undefined, undefined]);
    expect(pbmCalls()).toEqual([]);
  });

  test('is refused where there is no such policy', async () => {
    const error = await lab.refusedUnchanged(() => lab.driver.createBacking(volumeOfPolicy('platinum')));

    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error).toMatchObject({ field: 'volume.volumeType.extraSpecs.vmware:storage_profile' });
    expect(error.message).toContain('platinum');
  });

  test('is refused where no datastore complies', async () => {
    const error = await lab.refusedUnchanged(() => lab.driver.createBacking(volumeOfPolicy('nowhere')));

    expect(error).toBeInstanceOf(NoValidDatastoreError);
    const reason = 'does not comply with the storage policy';
    expect((error as NoValidDatastoreError).rejected).toEqual([
      { name: 'datastore1', reason },
      { name: 'datastore2', reason },
    ]);
  });

  test('made for a backup has the policy too', async () => {
    const volume = volumeOfPolicy('gold');

    const manifest = await lab.driver.backupVolume({ id: 'b', volumeId: volume.id }, volume);

    expect(profilesOf(volume)).toEqual(['gold-id', 'gold-id']);
    expect(manifest.storageProfile).toBe('gold-id');
  });
});

describe('a backup', () => {
  test("records the disk's policy, for two calls at first and one from then on", async () => {
    const volume = await volumeWithPolicy(lab, 'gold');

    const manifest = await lab.driver.backupVolume({ id: 'b', volumeId: volume.id }, volume);

    expect(manifest.storageProfile).toBe('gold-id');
    const asked = ['PbmRetrieveServiceContent', 'PbmQueryAssociatedProfiles'];
    expect(pbmCalls().map(({ method }) => method)).toEqual(asked);
    await lab.driver.backupVolume({ id: 'c', volumeId: volume.id }, volume);
    expect(pbmCalls().map(({ method }) => method)).toEqual([...asked, 'PbmQueryAssociatedProfiles']);
  });

  test('of a disk without policy records none', async () => {
    const volume = await lab.addVolume();

    const manifest = await lab.driver.backupVolume({ id: 'b', volumeId: volume.id }, volume);

    expect(manifest).not.toHaveProperty('storageProfile');
  });

  test('survives the end of the session while policies are asked for', async () => {
    const volume = await volumeWithPolicy(lab, 'gold');
    const first = lab.simulator.injectFault({ method: 'PbmRetrieveServiceContent', kind: 'session-expired' });
    const second = lab.simulator.injectFault({ method: 'PbmQueryAssociatedProfiles', kind: 'session-expired' });

    const manifest = await lab.driver.backupVolume({ id: 'b', volumeId: volume.id }, volume);

    expect([first.fired, second.fired]).toEqual([true, true]);
    expect(manifest.storageProfile).toBe('gold-id');
    expect(lab.callsOf('Login')).toBe(3);
    expect(pbmCalls().map(({ fault }) => fault)).toEqual([
      'PbmFaultNotAuthenticated',
      undefined,
      'PbmFaultNotAuthenticated',
      undefined,
    ]);
  });

  test('survives a session whose end the service calls a SecurityError', async () => {
    const volume = await volumeWithPolicy(lab, 'gold');
    lab.simulator.injectFault({ method: 'PbmQueryAssociatedProfiles', kind: { fault: 'SecurityError' } });

    const manifest = await lab.driver.backupVolume({ id: 'b', volumeId: volume.id }, volume);

    expect(manifest.storageProfile).toBe('gold-id');
    expect(lab.callsOf('Login')).toBe(2);
  });
});

describe('a restore over a backing', () => {
  test.each(['gold', 'silver'])('keeps the policy it has, whatever the type says: %s', async (named) => {
    const volume = await volumeWithPolicy(lab, 'gold');
    const backup = { id: 'b', volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);

    await lab.driver.restoreBackup(backup, { ...volume, ...volumeOfPolicy(named), id: volume.id }, { manifest });

    expect(profilesOf(volume)).toEqual(['gold-id', 'gold-id']);
    await lab.expectNothingLeft();
  });

  test('keeps it off a backing that has none', async () => {
    const volume = await lab.addVolume();
    const backup = { id: 'b', volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);

    await lab.driver.restoreBackup(backup, volume, { manifest: { ...manifest, storageProfile: 'gold-id' } });

    expect(profilesOf(volume)).toEqual([undefined, undefined]);
  });

  test('that has to be relocated first keeps it, and goes where it complies', async () => {
    lab.simulator.addDatastore({ name: 'datastore3' });
    const volume = await volumeWithPolicy(lab, 'anywhere but 1', 'datastore2');
    const backup = { id: 'b', volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);
    lab.simulator.updateDatastore('datastore2', { freeBytes: 0 });

    await lab.driver.restoreBackup(backup, volume, { manifest });

    expect(lab.diskOf(volume).path).toMatch(/^\[datastore3\]/);
    expect(profilesOf(volume)).toEqual(['anywhere-id', 'anywhere-id']);
    await lab.expectNothingLeft();
  });

  test('is refused, with the old disk in place, where the imported disk did not get the policy', async () => {
    const volume = await volumeWithPolicy(lab, 'gold');
    const backup = { id: 'b', volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);
    const driver = lab.driverWith({ vim: forgettingDiskProfiles(lab.vim) });

    const error = await lab.refusedUnchanged(() => driver.restoreBackup(backup, volume, { manifest }));

    expect(error).toBeInstanceOf(RestoreError);
    expect(error.message).toContain('gold-id');
  });

  test('whose exchange failed half-way puts the old disk back with its policy', async () => {
    await using broken = await Lab.start({ simulator: { storagePolicies: policies, atomicReconfigure: false } });
    const volume = await volumeWithPolicy(broken, 'gold');
    const backup = { id: 'b', volumeId: volume.id };
    const manifest = await broken.driver.backupVolume(backup, volume);
    const { path } = broken.diskOf(volume);
    // The old disk is detached by the time the new one turns out to be locked.
    let exchanged = false;
    broken.simulator.onCall(({ phase, call }) => {
      const added = broken.simulator.files().find((file) => file.path.includes('-restored-'));
      if (phase !== 'before' || call.method !== 'ReconfigVM_Task' || added === undefined) return;
      if (exchanged) broken.simulator.unlockFile(added.path);
      else broken.simulator.lockFile(added.path);
      exchanged = true;
    });

    await refusal(() => broken.driver.restoreBackup(backup, volume, { manifest }));

    expect(broken.diskOf(volume).path).toBe(path);
    expect(broken.diskOf(volume).storageProfile).toBe('gold-id');
    await broken.expectNothingLeft();
  });
});

describe('a restore to a new volume', () => {
  test("goes by the policy of the backup's volume where the type names none", async () => {
    const source = await volumeWithPolicy(lab, 'gold');
    const backup = { id: 'b', volumeId: source.id };
    const manifest = await lab.driver.backupVolume(backup, source);
    const copy = { id: randomUUID(), size: 1 };

    await lab.driver.restoreBackup(backup, copy, { manifest });

    expect(profilesOf(copy)).toEqual(['gold-id', 'gold-id']);
    expect(lab.diskOf(copy).path).toMatch(/^\[datastore2\]/);
    await lab.expectNothingLeft();
  });

  test('goes by the policy the type names before that', async () => {
    const source = await volumeWithPolicy(lab, 'gold');
    const backup = { id: 'b', volumeId: source.id };
    const manifest = await lab.driver.backupVolume(backup, source);
    const copy = volumeOfPolicy('silver');

    await lab.driver.restoreBackup(backup, copy, { manifest });

    expect(profilesOf(copy)).toEqual(['silver-id', 'silver-id']);
    expect(lab.diskOf(copy).path).toMatch(/^\[datastore1\]/);
  });

  test('goes without one where the policy of the backup is no more', async () => {
    const source = await lab.addVolume();
    const backup = { id: 'b', volumeId: source.id };
    const manifest = await lab.driver.backupVolume(backup, source);
    const copy = { id: randomUUID(), size: 1 };

    await lab.driver.restoreBackup(backup, copy, { manifest: { ...manifest, storageProfile: 'gone' } });

    expect(profilesOf(copy)).toEqual([undefined, undefined]);
  });

  test('is refused before anything is made where there is no policy of the name', async () => {
    const source = await lab.addVolume();
    const backup = { id: 'b', volumeId: source.id };
    const manifest = await lab.driver.backupVolume(backup, source);

    const restore = () => lab.driver.restoreBackup(backup, volumeOfPolicy('platinum'), { manifest });

    expect(await lab.refusedUnchanged(restore)).toBeInstanceOf(InvalidInputError);
  });

  test('is not published where the imported disk did not get the policy', async () => {
    const source = await lab.addVolume();
    const backup = { id: 'b', volumeId: source.id };
    const manifest = await lab.driver.backupVolume(backup, source);
    const driver = lab.driverWith({ vim: forgettingDiskProfiles(lab.vim) });

    const error = await refusal(() => driver.restoreBackup(backup, volumeOfPolicy('gold'), { manifest }));

    expect(error).toBeInstanceOf(RestoreError);
    expect(lab.simulator.vms().map(({ instanceUuid }) => instanceUuid)).toEqual([source.id]);
    await lab.expectNothingLeft();
  });
});

describe('an extension', () => {
  test('that has to relocate the backing keeps the policy, and goes where it complies', async () => {
    lab.simulator.addDatastore({ name: 'datastore3' });
    const volume = await volumeWithPolicy(lab, 'anywhere but 1', 'datastore2', 'thick');
    lab.simulator.updateDatastore('datastore2', { freeBytes: 0 });

    await lab.driver.extendVolume(volume, 2);

    expect(lab.diskOf(volume)).toMatchObject({ capacityBytes: 2 * bytesPerGiB, storageProfile: 'anywhere-id' });
    expect(lab.diskOf(volume).path).toMatch(/^\[datastore3\]/);
    expect(lab.vmOf(volume).storageProfile).toBe('anywhere-id');
  });
});

test('an unreachable service is an error of the connection to somebody who names a policy', async () => {
  await using without = await Lab.start({ simulator: { storagePolicyService: false } });

  const error = await without.refusedUnchanged(() => without.driver.createBacking(volumeOfPolicy('gold')));

  expect(error).toBeInstanceOf(VimConnectionError);
});

/** A session whose imports lose the policy of the disk on the way. */
function forgettingDiskProfiles(vim: VimSession): VimSession {
  return new Proxy(vim, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      const bound = value.bind(target) as (...args: unknown[]) => unknown;
      if (property !== 'invoke') return bound;
      return (method: string, on: unknown, args: unknown, options: unknown) =>
        bound(
          method,
          on,
          method === 'ImportVApp' ? withoutDiskProfile(args as MethodArgs<'ImportVApp'>) : args,
          options,
        );
    },
  });
}

function withoutDiskProfile(args: MethodArgs<'ImportVApp'>): MethodArgs<'ImportVApp'> {
  if (args.spec._type !== 'VirtualMachineImportSpec') return args;
  const { configSpec } = args.spec;
  const deviceChange = (configSpec.deviceChange ?? []).map(({ profile: _profile, ...change }) => change);
  return { ...args, spec: { ...args.spec, configSpec: { ...configSpec, deviceChange } } };
}
