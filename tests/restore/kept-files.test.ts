import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Backup, BackupManifest, MoRef, VmdkDriver, Volume } from '../../src/index.js';
import type { VimObject } from '../../src/vim/schema/index.js';
import { bytesPerMiB, Lab, refusal } from '../driver/support/lab.js';
import { tellingOtherwise } from '../driver/support/services.js';

let lab: Lab;
let volume: Volume;
let backup: Backup;
let manifest: BackupManifest;
/** The disk that a restore replaces. */
let old: string;
beforeEach(async () => {
  lab = await Lab.start();
  volume = await lab.addVolume();
  backup = { id: randomUUID(), volumeId: volume.id };
  manifest = await lab.driver.backupVolume(backup, volume);
  old = lab.diskOf(volume).path;
  await lab.simulator.addVm({ name: 'stranger', disk: { capacityBytes: bytesPerMiB } });
});
afterEach(() => lab[Symbol.asyncDispose]());

const exists = (wanted: string): boolean => lab.simulator.files().some(({ path }) => path === wanted);
const temporaryVms = (): number => lab.simulator.vms().filter(({ name }) => name.startsWith('vmdk-driver')).length;

describe('beside a VM that may not be read, and so may have the disk', () => {
  beforeEach(() => {
    lab.simulator.administrator.setAccess('stranger', 'unreadable');
  });

  test('a restore replaces the disk, keeps the old one’s file, and says so', async () => {
    const content = await lab.contentOf(volume);
    const result = await lab.driver.restoreBackup(backup, volume, { manifest });
    expect(result).toMatchObject({ cleanup: 'kept', kept: [old] });
    expect(exists(old)).toBe(true);
    expect(lab.diskOf(volume).path).not.toBe(old);
    expect(await lab.contentOf(volume)).toBe(content);
    expect(temporaryVms()).toBe(0);
    // The volume is not held by what was kept.
    expect(await lab.driver.recover({ olderThanMs: 0 })).toMatchObject({ restores: [] });
    await lab.driver.extendVolume(volume, 2);
  });

  test('recovery does the same', async () => {
    const fault = { fault: 'SystemError', reason: 'injected' };
    lab.simulator.injectFault({ method: 'Destroy_Task', when: 'task', kind: fault });
    expect(await lab.driver.restoreBackup(backup, volume, { manifest })).toMatchObject({ cleanup: 'pending' });
    expect(await lab.driver.recover({ olderThanMs: 0 })).toMatchObject({
      restores: [{ volumeId: volume.id, outcome: 'completed', kept: [old] }],
    });
    expect(exists(old)).toBe(true);
    expect(temporaryVms()).toBe(0);
  });

  test('a backing is not deleted', async () => {
    await expect(lab.driver.deleteBacking(volume)).rejects.toMatchObject({ code: 'BACKING_IN_USE' });
    expect(lab.diskOf(volume)).toMatchObject({ path: old, missing: false });
  });
});

describe.each([
  ['tells nothing', undefined],
  ['says that there are none', []],
])('where the server %s of a datastore’s VMs', (_, told) => {
  const driver = () => lab.driverWith({ vim: tellingOtherwise(lab.vim, 'vm', () => told) });

  test('a replaced disk’s file is kept', async () => {
    expect(await driver().restoreBackup(backup, volume, { manifest })).toMatchObject({ cleanup: 'kept', kept: [old] });
    expect(exists(old)).toBe(true);
    expect(temporaryVms()).toBe(0);
  });

  test('a backing is not deleted', async () => {
    expect(await lab.refusedUnchanged(() => driver().deleteBacking(volume))).toMatchObject({ code: 'BACKING_IN_USE' });
  });
});

describe('a list of a datastore’s VMs without the backing', () => {
  /** A driver with a server that leaves the backing out of its first lists. */
  function driverLeavingOut(times: number) {
    const { ref } = lab.vmOf(volume);
    let left = times;
    const vim = tellingOtherwise(lab.vim, 'vm', (vms) =>
      left-- > 0 ? (vms as readonly MoRef[]).filter(({ value }) => value !== ref.value) : vms,
    );
    return lab.driverWith({ vim });
  }

  test('is not whole: that is not deleted, now', async () => {
    const error = await lab.refusedUnchanged(() => driverLeavingOut(Infinity).deleteBacking(volume));
    expect(error).toMatchObject({ code: 'BACKING_IN_USE', retryable: true });
    expect(error.message).toContain(`datastore1 does not list ${lab.vmOf(volume).name}`);
  });

  test('is read again before it is believed', async () => {
    expect(await driverLeavingOut(1).deleteBacking(volume)).toBe(true);
  });
});

test('a VM that moves to another datastore while it is looked at keeps no file', async () => {
  const { ref } = lab.simulator.vm('stranger')!;
  const moved = old.replace('[datastore1]', '[datastore2]');
  let looks = 0;
  const vim = tellingOtherwise(lab.vim, 'layout.disk', (disks, { value }) => {
    // Asked after the volume has its new disk.
    if (value !== ref.value || lab.diskOf(volume).path === old) return disks;
    return ++looks === 1 ? [{ key: 2000, diskFile: [moved] }] : disks;
  });
  const driver = lab.driverWith({ vim });
  expect(await driver.restoreBackup(backup, volume, { manifest })).toMatchObject({ cleanup: 'done' });
  expect(looks).toBe(2);
  expect(exists(old)).toBe(false);
});

describe('a layout of the backing that still names the disk which an exchange took from it', () => {
  /** A driver with a server whose first layouts after the exchange are of before. */
  function driverLagging(times: number) {
    const { ref } = lab.vmOf(volume);
    let left = times;
    const vim = tellingOtherwise(lab.vim, 'layout.disk', (disks, { value }) =>
      value === ref.value && lab.diskOf(volume).path !== old && left-- > 0 ? [{ key: 2000, diskFile: [old] }] : disks,
    );
    return lab.driverWith({ vim });
  }

  test('is looked at again: the old file goes', async () => {
    expect(await driverLagging(2).restoreBackup(backup, volume, { manifest })).toMatchObject({ cleanup: 'done' });
    expect(exists(old)).toBe(false);
    await lab.expectNothingLeft();
  });

  test('and stays so: the old file is kept, and named', async () => {
    const result = await driverLagging(Infinity).restoreBackup(backup, volume, { manifest });
    expect(result).toMatchObject({ cleanup: 'kept', kept: [old] });
    expect(exists(old)).toBe(true);
    expect(temporaryVms()).toBe(0);
  });
});

test('a file that the volume’s own disk is built on by then is the volume’s: it stays, and is not said to be kept', async () => {
  const { ref } = lab.vmOf(volume);
  const isBuilt = (value: string): boolean => value === ref.value && lab.diskOf(volume).path !== old;
  type Disk = VimObject<'VirtualDisk'> & { readonly backing: object };
  const vim = tellingOtherwise(
    tellingOtherwise(lab.vim, 'layout.disk', (disks, { value }) =>
      isBuilt(value) ? [{ key: 2000, diskFile: [lab.diskOf(volume).path, old] }] : disks,
    ),
    'config.hardware.device',
    (devices, { value }) =>
      isBuilt(value)
        ? (devices as readonly VimObject<'VirtualDevice'>[]).map((device) => {
            if (device._type !== 'VirtualDisk') return device;
            const { backing } = device as Disk;
            return { ...device, backing: { ...backing, parent: { ...backing, fileName: old } } };
          })
        : devices,
  );
  const result = await lab.driverWith({ vim }).restoreBackup(backup, volume, { manifest });
  expect(result.kept).toBeUndefined();
  expect(exists(old)).toBe(true);
});

describe('beside a VM of whose disks the server cannot name the datastore', () => {
  beforeEach(() => {
    lab.simulator.administrator.setDatastoreNames('stranger', 'unknown');
  });

  test('a disk is replaced, and its old file goes, where the path is another’s', async () => {
    expect(await lab.driver.restoreBackup(backup, volume, { manifest })).toMatchObject({ cleanup: 'done' });
    expect(exists(old)).toBe(false);
  });

  test('but not where it is the disk’s own', async () => {
    await lab.simulator.administrator.attachDisk('stranger', { path: old });
    for (const operate of [
      () => lab.driver.restoreBackup(backup, volume, { manifest }),
      () => lab.driver.deleteBacking(volume),
    ]) {
      const error = await lab.refusedUnchanged(operate);
      expect(error).toMatchObject({ code: 'BACKING_IN_USE' });
      expect(error.message).toContain('stranger');
    }
  });

  test.each([
    [
      'its own in a volume of an unknown name',
      (path: string) => path.replace(/volumes\/[^/]+/, 'volumes/5d1f0c4a-0a1b2c3d'),
    ],
    ['its own in a datastore of a former name', () => old.replace('[datastore1]', '[former]')],
    ['none', () => 'stranger.vmdk'],
  ])('and its file is kept where the path is %s', async (_, changed) => {
    await lab.simulator.administrator.attachDisk('stranger', { path: old });
    const { ref } = lab.simulator.vm('stranger')!;
    const vim = tellingOtherwise(lab.vim, 'layout.disk', (disks, { value }) =>
      value === ref.value
        ? (disks as readonly { diskFile: string[] }[]).map((disk) => ({
            ...disk,
            diskFile: disk.diskFile.map(changed),
          }))
        : disks,
    );
    const driver = lab.driverWith({ vim });
    expect(await lab.refusedUnchanged(() => driver.deleteBacking(volume))).toMatchObject({ code: 'BACKING_IN_USE' });
    expect(await driver.restoreBackup(backup, volume, { manifest })).toMatchObject({ cleanup: 'kept', kept: [old] });
    expect(exists(old)).toBe(true);
  });
});

test.each([
  ['no disk', []],
  ['a disk without files', [{ key: 2000 }]],
])('a VM whose layout has %s is asked for its devices: the disk it has is not replaced', async (_, layout) => {
  await lab.simulator.administrator.attachDisk('stranger', { path: old });
  const { ref } = lab.simulator.vm('stranger')!;
  const vim = tellingOtherwise(lab.vim, 'layout.disk', (disks, { value }) => (value === ref.value ? layout : disks));
  const error = await lab.refusedUnchanged(() => lab.driverWith({ vim }).restoreBackup(backup, volume, { manifest }));
  expect(error).toMatchObject({ code: 'BACKING_IN_USE' });
  expect(error.message).toContain('stranger');
});

test('a disk that somebody attaches while bytes move is kept, and the restore is refused', async () => {
  const stop = lab.simulator.onCall(async ({ phase, call }) => {
    if (phase !== 'before' || call.method !== 'HttpNfcLeaseComplete') return;
    stop();
    await lab.simulator.administrator.attachDisk('stranger', { path: old });
  });
  const error = await refusal(() => lab.driver.restoreBackup(backup, volume, { manifest }));
  expect(error).toMatchObject({ code: 'BACKING_IN_USE', cleanup: 'done' });
  expect(error.message).toContain('stranger');
  expect(lab.diskOf(volume)).toMatchObject({ path: old, missing: false });
});

test('one that somebody attaches after the exchange is kept, and said to be', async () => {
  let reconfigured = 0;
  const stop = lab.simulator.onCall(async ({ phase, call }) => {
    if (phase !== 'after' || call.method !== 'ReconfigVM_Task' || ++reconfigured < 2) return;
    stop();
    await lab.simulator.administrator.attachDisk('stranger', { path: old });
  });
  const result = await lab.driver.restoreBackup(backup, volume, { manifest });
  expect(result).toMatchObject({ cleanup: 'kept', kept: [old] });
  expect(exists(old)).toBe(true);
  expect(lab.simulator.vm('stranger')?.disks).toMatchObject([{}, { path: old, missing: false }]);
  expect(temporaryVms()).toBe(0);
});

describe('a disk that is built on another', () => {
  /** A backing as a linked clone, or as a backup job that failed left it: no snapshot tells of it. */
  function leaveChain(): void {
    const { name } = lab.vmOf(volume);
    lab.simulator.createSnapshot(name);
    lab.simulator.removeAllSnapshots(name, { consolidate: false });
    expect(lab.diskOf(volume).parents).toEqual([old]);
  }

  test('is backed up, and neither replaced nor extended', async () => {
    leaveChain();
    const imports = lab.callsOf('ImportVApp');
    for (const operate of [
      () => lab.driver.restoreBackup(backup, volume, { manifest }),
      () => lab.driver.extendVolume(volume, 2),
    ]) {
      const error = await lab.refusedUnchanged(operate);
      expect(error).toMatchObject({ code: 'BACKING_INVALID', retryable: false });
      expect(error.message).toContain(old);
      expect(error.message).toMatch(/consolidate it, or restore to a new volume/);
    }
    expect(lab.callsOf('ImportVApp')).toBe(imports);
    const { sha256 } = await lab.driver.backupVolume({ id: 'flat', volumeId: volume.id }, volume);
    expect(sha256).toBe(manifest.sha256);
  });

  test('nor is one that a linked clone is built on: it is named', async () => {
    await lab.simulator.addVm({ name: 'clone', disk: { parent: old } });
    for (const operate of [
      () => lab.driver.extendVolume(volume, 2),
      () => lab.driver.restoreBackup(backup, volume, { manifest }),
      () => lab.driver.deleteBacking(volume),
    ]) {
      const error = await lab.refusedUnchanged(operate);
      expect(error).toMatchObject({ code: 'BACKING_IN_USE' });
      expect(error.message).toContain('clone');
    }
  });

  test('is not what another VM only has: that disk grows', async () => {
    await lab.simulator.addVm({ name: 'instance', disk: { path: old } });
    await lab.driver.extendVolume(volume, 2);
    expect(lab.simulator.vm('instance')).toMatchObject({ disks: [{ path: old, missing: false }] });
  });

  test('nor is a backing with snapshots deleted, of which a linked clone is built on any', async () => {
    const { name } = lab.vmOf(volume);
    lab.simulator.createSnapshot(name);
    await lab.simulator.addVm({ name: 'clone', disk: { parent: old } });
    lab.simulator.createSnapshot(name);
    const error = await lab.refusedUnchanged(() => lab.driver.deleteBacking(volume));
    expect(error).toMatchObject({ code: 'BACKING_IN_USE' });
    expect(error.message).toContain('clone');
    await lab.simulator.removeVm('clone');
    expect(await lab.driver.deleteBacking(volume)).toBe(true);
    expect(exists(old)).toBe(false);
  });

  test('and a linked clone is deleted without what it is built on', async () => {
    const id = randomUUID();
    await lab.simulator.addVm({ name: `volume-${id}`, instanceUuid: id, disk: { parent: old } });
    expect(await lab.driver.deleteBacking({ id, size: 1 })).toBe(true);
    expect(lab.diskOf(volume)).toMatchObject({ path: old, missing: false });
  });

  test('with snapshots it is not extended either', async () => {
    lab.simulator.createSnapshot(lab.vmOf(volume).name);
    expect(await lab.refusedUnchanged(() => lab.driver.extendVolume(volume, 2))).toMatchObject({
      code: 'VOLUME_HAS_SNAPSHOTS',
    });
  });

  test.each(['flat', 'seSparse', 'rawDiskMapping'] as const)(
    'a backing with a second disk (%s) is not deleted: that one may be somebody’s',
    async (kind) => {
      const { path } = lab.simulator.vm('stranger')!.disks[0]!;
      await lab.simulator.administrator.attachDisk(lab.vmOf(volume).name, { path, backing: kind });
      const error = await lab.refusedUnchanged(() => lab.driver.deleteBacking(volume));
      expect(error).toMatchObject({ code: 'BACKING_INVALID' });
      expect(error.message).toContain(path);
    },
  );
});

test('a replaced disk that another VM takes while it is locked is kept, though the lock is gone by then', async () => {
  lab.simulator.injectFault({
    method: 'ReconfigVM_Task',
    nth: 3,
    when: 'task',
    kind: { fault: 'FileLocked', file: old },
  });
  let changes = 0;
  let isTaken: Promise<unknown> | undefined;
  lab.simulator.onCall(({ phase, call }) => {
    if (phase !== 'after' || call.method !== 'ReconfigVM_Task' || ++changes !== 3) return;
    isTaken = lab.simulator.administrator.attachDisk('stranger', { path: old });
  });
  expect(await lab.driver.restoreBackup(backup, volume, { manifest })).toMatchObject({ cleanup: 'kept', kept: [old] });
  await isTaken;
  expect(exists(old)).toBe(true);
  expect(temporaryVms()).toBe(0);
});

test('a disk of a temporary VM that somebody made a snapshot of does not become the volume’s', async () => {
  lab.simulator.setQuirks({ detachesUnderSnapshots: true });
  let isMade = false;
  lab.simulator.onCall(({ phase, call }) => {
    if (phase !== 'before' || call.method !== 'ReconfigVM_Task' || isMade) return;
    isMade = true;
    lab.simulator.createSnapshot(lab.simulator.vms().find(({ ref }) => ref.value === call.target.value)!.name);
  });
  const error = await refusal(() => lab.driver.restoreBackup(backup, volume, { manifest }));
  expect(error).toMatchObject({ code: 'RESTORE_FAILED', retryable: true });
  expect(error.message).toContain('snapshot');
  expect(lab.diskOf(volume).path).toBe(old);
});

describe('a disk that only a snapshot of another VM keeps', () => {
  /** Attaches the volume’s disk, takes a snapshot, and detaches it: the VM’s own configuration does not name it any more. */
  async function keepInSnapshot(): Promise<void> {
    const { simulator } = lab;
    simulator.setQuirks({ detachesUnderSnapshots: true });
    await simulator.administrator.attachDisk('stranger', { path: old });
    simulator.createSnapshot('stranger');
    const delta = simulator.vm('stranger')!.disks.find(({ parents }) => parents.includes(old))!;
    await simulator.administrator.detachDisk('stranger', delta.path);
    await simulator.administrator.deleteFile(delta.path);
    expect(simulator.vm('stranger')!.disks.flatMap(({ path, parents }) => [path, ...parents])).not.toContain(old);
  }

  const operations: readonly [string, (driver: VmdkDriver) => Promise<unknown>][] = [
    ['replaced', (driver) => driver.restoreBackup(backup, volume, { manifest })],
    ['deleted', (driver) => driver.deleteBacking(volume)],
    ['extended', (driver) => driver.extendVolume(volume, 2)],
  ];

  test.each(operations)('is not %s', async (_, operate) => {
    await keepInSnapshot();
    const error = await lab.refusedUnchanged(() => operate(lab.driver));
    expect(error).toMatchObject({ code: 'BACKING_IN_USE' });
    expect(error.message).toContain('stranger');
    lab.simulator.removeAllSnapshots('stranger');
    await operate(lab.driver);
  });

  test.each(operations)('is not %s by its name within the snapshot’s directory either', async (_, operate) => {
    await keepInSnapshot();
    const { ref } = lab.simulator.vm('stranger')!;
    const directory = old.replace(/[^/]*$/, '');
    const vim = tellingOtherwise(
      tellingOtherwise(lab.vim, 'config.files.snapshotDirectory', (told, { value }) =>
        value === ref.value ? directory : told,
      ),
      'layout.snapshot',
      (snapshots, { value }) =>
        value === ref.value
          ? (snapshots as readonly { snapshotFile: string[] }[]).map((snapshot) => ({
              ...snapshot,
              snapshotFile: snapshot.snapshotFile.map((file) => file.replace(/^.*\//, '')),
            }))
          : snapshots,
    );
    const error = await lab.refusedUnchanged(() => operate(lab.driverWith({ vim })));
    expect(error).toMatchObject({ code: 'BACKING_IN_USE' });
  });

  test.each([
    ['no layout', 'layout.disk'],
    ['none of the snapshots in the layout', 'layout.snapshot'],
  ])('is known by the snapshot’s devices where the server tells %s', async (_what, path) => {
    await keepInSnapshot();
    const { ref } = lab.simulator.vm('stranger')!;
    const vim = tellingOtherwise(lab.vim, path, (told, { value }) => (value === ref.value ? undefined : told));
    for (const [, operate] of operations) {
      const error = await lab.refusedUnchanged(() => operate(lab.driverWith({ vim })));
      expect(error).toMatchObject({ code: 'BACKING_IN_USE' });
      expect(error.message).toContain('stranger');
    }
  });

  test.each([
    ['is kept where the server does not tell the snapshot’s devices', () => undefined, 'kept'],
    ['goes where these are others', (devices: unknown) => devices, 'done'],
  ] as const)('and a replaced one %s', async (_what, tell, cleanup) => {
    lab.simulator.createSnapshot('stranger');
    const { ref } = lab.simulator.vm('stranger')!;
    const vim = tellingOtherwise(
      tellingOtherwise(lab.vim, 'layout.snapshot', (told, { value }) => (value === ref.value ? undefined : told)),
      'config.hardware.device',
      (devices, { type }) => (type === 'VirtualMachineSnapshot' ? tell(devices) : devices),
    );
    const driver = lab.driverWith({ vim });
    expect(await driver.restoreBackup(backup, volume, { manifest })).toMatchObject({ cleanup });
    expect(exists(old)).toBe(cleanup === 'kept');
  });
});

test.each(['flat', 'seSparse', 'rawDiskMapping'] as const)(
  'a VM of which the server tells no layout is asked for its disks (%s)',
  async (kind) => {
    await using vsan = await Lab.start({
      simulator: {
        datacenters: [
          {
            name: 'DC0',
            clusters: [{ name: 'C0', hosts: [{ name: 'h0' }] }],
            datastores: [{ name: 'vsan', type: 'vsan', layout: false }],
          },
        ],
      },
    });
    const [one, other] = [await vsan.addVolume(), await vsan.addVolume()];
    const { path } = vsan.diskOf(one);
    await vsan.simulator.addVm({ name: 'instance', disk: { path, backing: kind } });
    expect(await vsan.refusedUnchanged(() => vsan.driver.deleteBacking(one))).toMatchObject({ code: 'BACKING_IN_USE' });
    expect(await vsan.driver.deleteBacking(other)).toBe(true);
  },
);
