import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Volume } from '../../../src/index.js';
import type { SimulatorOptions, VmInfo } from '../../../src/simulator/index.js';
import { Lab, refusal, someContent } from '../../driver/support/lab.js';
import { describePeer, exercised } from '../support/peer.js';
import { CinderDriver, installCinder } from './cinder-driver.js';
import { openCinderLab } from './cinder-lab.js';

/** One host and one datastore: then there is nothing to choose between, and both drivers place a disk alike. */
const simulator: SimulatorOptions = {
  datacenters: [
    { name: 'DC0', clusters: [{ name: 'C0', hosts: [{ name: 'esx1' }] }], datastores: [{ name: 'datastore1' }] },
  ],
  storagePolicies: [{ name: 'gold', id: 'gold-id', compatibleDatastores: ['datastore1'] }],
};

/** Each provisioning, each adapter type, and a storage policy. */
const types: readonly Readonly<Record<string, string>>[] = [
  {},
  { 'vmware:vmdk_type': 'thin', 'vmware:adapter_type': 'paraVirtual' },
  { 'vmware:vmdk_type': 'thick', 'vmware:adapter_type': 'busLogic' },
  { 'vmware:vmdk_type': 'eagerZeroedThick', 'vmware:adapter_type': 'lsiLogicsas' },
  { 'vmware:vmdk_type': 'thin', 'vmware:adapter_type': 'ide' },
  { 'vmware:vmdk_type': 'thick', 'vmware:adapter_type': 'lsiLogic', 'vmware:storage_profile': 'gold' },
];

const newVolume = (extraSpecs: Readonly<Record<string, string>> = {}): Volume => ({
  id: randomUUID(),
  size: 1,
  projectId: 'a project',
  volumeType: { extraSpecs },
});

await describePeer('cinder', installCinder, (peer) => {
  let cinder: CinderDriver;
  beforeAll(async () => {
    cinder = await CinderDriver.start(peer);
  });
  afterAll(async () => {
    await cinder[Symbol.asyncDispose]();
  });

  /** Cinder finds a volume's backing, reads it, hands it out, extends it and deletes it. */
  async function worksOn(lab: Lab, volume: Volume): Promise<void> {
    const { ref } = lab.vmOf(volume);
    const disk = lab.diskOf(volume);
    const content = await lab.contentOf(volume);
    expect(await cinder.getBacking(volume)).toBe(ref.value);
    expect(await cinder.describeBacking(ref.value)).toMatchObject({
      diskPath: disk.path,
      diskBytes: disk.capacityBytes,
      hasSnapshots: false,
    });
    expect(await cinder.initializeConnection(volume)).toMatchObject({
      volume: ref.value,
      volume_id: volume.id,
      name: `volume-${volume.id}`,
      vmdk_path: disk.path,
      profile_id: disk.storageProfile ?? null,
    });

    await cinder.extendVolume(volume, volume.size + 1);
    expect(lab.diskOf(volume)).toEqual({ ...disk, capacityBytes: disk.capacityBytes + 2 ** 30 });
    expect(await lab.contentOf(volume)).toBe(content);

    await cinder.deleteVolume(volume);
    expect(await cinder.getBacking(volume)).toBeNull();
    expect(lab.simulator.vms().map(({ name }) => name)).not.toContain(`volume-${volume.id}`);
    expect(lab.simulator.files().map(({ path }) => path)).not.toContain(disk.path);
  }

  test.each(types)('what Cinder made is backed up and restored, and is Cinder’s again: %j', async (extraSpecs) => {
    await using opened = await openCinderLab(cinder, simulator);
    const { lab } = opened;
    const volume = newVolume(extraSpecs);
    await cinder.createVolume(volume);
    const made = lab.vmOf(volume);
    await lab.simulator.writeDisk(lab.diskOf(volume).path, someContent());
    const content = await lab.contentOf(volume);

    const backup = { id: randomUUID(), volumeId: volume.id };
    const manifest = await lab.driver.backupVolume(backup, volume);
    expect(manifest).toMatchObject({
      provisioning: extraSpecs['vmware:vmdk_type'] ?? 'thin',
      adapterType: extraSpecs['vmware:adapter_type'] ?? 'lsiLogic',
    });
    expect(lab.simulator.vms()).toHaveLength(1);

    // Over itself: all but the file's name, and this library's marks, is as Cinder made it.
    await lab.simulator.writeDisk(lab.diskOf(volume).path, Buffer.from('overwritten'));
    await lab.driver.restoreBackup(backup, volume, { manifest });
    expect(await lab.contentOf(volume)).toBe(content);
    const { path } = lab.diskOf(volume);
    expect(withoutMarks(lab.vmOf(volume))).toEqual({ ...made, disks: [{ ...made.disks[0], path }] });

    // As another volume: like one that Cinder makes, but for what tells the two apart.
    const copy = newVolume(extraSpecs);
    await lab.driver.restoreBackup(backup, copy, { manifest });
    expect(await lab.contentOf(copy)).toBe(content);
    const twin = newVolume(extraSpecs);
    await cinder.createVolume(twin);
    expect(anonymous(lab, copy)).toEqual(anonymous(lab, twin));

    for (const each of [volume, copy, twin]) await worksOn(lab, each);
    await lab.expectNothingLeft();
    exercised(
      peer,
      `its backing: backup, restore, restored as another volume: ${JSON.stringify(extraSpecs)}`,
      opened.peerCalls(),
    );
  });

  test.each(types)('what this library made is Cinder’s to work on: %j', async (extraSpecs) => {
    await using opened = await openCinderLab(cinder, simulator);
    const { lab } = opened;
    const volume = newVolume(extraSpecs);
    await lab.driver.createBacking(volume);
    await lab.simulator.writeDisk(lab.diskOf(volume).path, someContent());
    await worksOn(lab, volume);
    await lab.expectNothingLeft();
    exercised(
      peer,
      `this library's backing: find, attach, extend, delete: ${JSON.stringify(extraSpecs)}`,
      opened.peerCalls(),
    );
  });

  test.each(types)('both make a backing by the same calls: %j', async (extraSpecs) => {
    const volume = newVolume(extraSpecs);
    await using opened = await openCinderLab(cinder, simulator);
    const { lab: theirs } = opened;
    await cinder.createVolume(volume);
    await using ours = await Lab.start({ simulator });
    await ours.driver.createBacking(volume);

    for (const method of ['CreateFolder', 'CreateVM_Task', 'ReconfigVM_Task']) {
      expect({ method, calls: changes(ours, method) }).toEqual({ method, calls: changes(theirs, method) });
    }
    expect(anonymous(ours, volume)).toEqual(anonymous(theirs, volume));
    exercised(peer, `creates the same backing: ${JSON.stringify(extraSpecs)}`, opened.peerCalls());
  });

  test('a volume that Cinder has not made yet is made by its first backup', async () => {
    await using opened = await openCinderLab(cinder, simulator, { vmware_lazy_create: true });
    const { lab } = opened;
    const volume = newVolume();
    await cinder.createVolume(volume);
    expect(await cinder.getBacking(volume)).toBeNull();
    await lab.driver.backupVolume({ id: randomUUID(), volumeId: volume.id }, volume);
    await worksOn(lab, volume);
    exercised(peer, 'a volume without backing is backed up, then worked on', opened.peerCalls());
  });

  test('a volume of which Cinder holds a snapshot is not restored over', async () => {
    await using opened = await openCinderLab(cinder, simulator, { vmware_snapshot_format: 'COW' });
    const { lab } = opened;
    const volume = newVolume();
    await cinder.createVolume(volume);
    const backup = { id: randomUUID(), volumeId: volume.id };
    await lab.driver.backupVolume(backup, volume);
    await cinder.createSnapshot(volume, 'kept');
    expect(lab.vmOf(volume).snapshots).toHaveLength(1);
    expect(await refusal(() => lab.driver.restoreBackup(backup, volume))).toMatchObject({
      code: 'VOLUME_HAS_SNAPSHOTS',
    });
    exercised(peer, 'its snapshot keeps a volume from being restored over', opened.peerCalls());
  });
});

/**
 * What a method was called with, call by call. Of a disk that is not thin this library says so when it creates it, where Cinder says
 * nothing; and it changes a VM only as it has read it.
 */
function changes({ simulator }: Lab, method: string): unknown {
  const calls = simulator.calls().flatMap((call) => (call.method === method ? [call.args] : []));
  const isImplied = (key: string, value: unknown) =>
    key === 'changeVersion' || (key === 'thinProvisioned' && value === false);
  const text = JSON.stringify(calls, (key, value: unknown) => (isImplied(key, value) ? undefined : value));
  return JSON.parse(text) as unknown;
}

/** A VM without what this library keeps in its extraConfig of the last exchange: Cinder does not look at it. */
function withoutMarks(vm: VmInfo): VmInfo {
  const others = Object.entries(vm.extraConfig).filter(([key]) => !key.startsWith('vmdk-driver.'));
  return { ...vm, extraConfig: Object.fromEntries(others) };
}

/** A volume's backing without what no two have in common. */
function anonymous(lab: Lab, volume: Volume): unknown {
  const { ref: _ref, uuid: _uuid, ...vm } = withoutMarks(lab.vmOf(volume));
  return JSON.parse(JSON.stringify(vm).replaceAll(new RegExp(volume.id, 'gi'), '<id>')) as unknown;
}
