import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Backup, MoRef, VimSession, Volume } from '../../src/index.js';
import { bytesPerMiB, Lab, refusal } from '../driver/support/lab.js';
import { tellingOtherwise } from '../driver/support/services.js';

let lab: Lab;
let volume: Volume;
/** A disk of somebody else, of which the server does not tell. */
let strangers: string;
beforeEach(async () => {
  lab = await Lab.start();
  volume = await lab.addVolume();
  const { disks } = await lab.simulator.addVm({ name: 'stranger', disk: { capacityBytes: bytesPerMiB } });
  strangers = disks[0]!.path;
});
afterEach(() => lab[Symbol.asyncDispose]());

interface Device {
  readonly _type: string;
  readonly backing?: { readonly _type?: string; readonly fileName?: string; readonly datastore?: MoRef };
}

type Devices = readonly Device[] | undefined;

const devicesPath = 'config.hardware.device';

type Tell = (devices: readonly Device[]) => Devices;

/** What servers tell that do not tell all of one disk of a VM. */
const untold: Readonly<Record<string, Tell>> = {
  'of a kind that is not known': (devices) =>
    withStrangers(devices, (device) => ({ ...device, backing: { _type: 'VirtualDiskOfTomorrowBackingInfo' } })),
  'that is backed by nothing': (devices) => withStrangers(devices, ({ backing: _backing, ...device }) => device),
  'of which the datastore is not told': (devices) =>
    withStrangers(devices, ({ backing: { datastore: _datastore, ...backing } = {}, ...device }) => ({
      ...device,
      backing,
    })),
};

/** What servers tell that do not tell all of a VM's disks. */
const kinds: Readonly<Record<string, Tell>> = { ...untold, 'while no device is told': () => undefined };

function withStrangers(devices: readonly Device[], change: (device: Device) => Device): Devices {
  return devices.map((device) => (device.backing?.fileName === strangers ? change(device) : device));
}

/** A session with a server that tells another thing of a VM's devices. */
function telling(ref: MoRef, tell: Tell, vim: VimSession = lab.vim) {
  return tellingOtherwise(vim, devicesPath, (devices, { value }) =>
    value === ref.value ? tell(devices as readonly Device[]) : devices,
  );
}

const isThere = (wanted: string): boolean => lab.simulator.files().some(({ path }) => path === wanted);
const temporaryVm = () => lab.simulator.vms().find(({ name }) => name.startsWith('vmdk-driver'));

describe.each(Object.entries(kinds))('a disk %s is not taken for none', (kind, tell) => {
  test('and a backing that has it besides is not destroyed', async () => {
    await lab.simulator.administrator.attachDisk(lab.vmOf(volume).name, { path: strangers });
    const driver = lab.driverWith({ vim: telling(lab.vmOf(volume).ref, tell) });
    expect(await lab.refusedUnchanged(() => driver.deleteBacking(volume))).toMatchObject({ code: 'BACKING_INVALID' });
  });

  test('nor one that has it only', async () => {
    strangers = lab.diskOf(volume).path;
    const driver = lab.driverWith({ vim: telling(lab.vmOf(volume).ref, tell) });
    // What is not told now may be told later; a kind that is not known stays so.
    const refused = { code: 'BACKING_INVALID', retryable: !(kind in untold) };
    expect(await lab.refusedUnchanged(() => driver.deleteBacking(volume))).toMatchObject(refused);
  });

  test('nor a temporary VM: that stays, until the disk is detached', async () => {
    const backup = { id: randomUUID(), volumeId: volume.id };
    await lab.driver.backupVolume(backup, volume);
    const fault = { fault: 'SystemError', reason: 'injected' };
    lab.simulator.injectFault({ method: 'Destroy_Task', when: 'task', kind: fault });
    await lab.driver.restoreBackup(backup, volume);
    const { name, ref } = temporaryVm()!;
    await lab.simulator.administrator.attachDisk(name, { path: strangers });
    const vim = telling(ref, tell);

    const destroyed = lab.callsOf('Destroy_Task');
    expect(await lab.driverWith({ vim }).recover({ olderThanMs: 0 })).toMatchObject({
      restores: [{ outcome: 'failed' }],
    });
    expect(lab.callsOf('Destroy_Task')).toBe(destroyed);
    expect(isThere(strangers)).toBe(true);

    await lab.simulator.administrator.detachDisk(name, strangers);
    expect(await lab.driver.recover({ olderThanMs: 0 })).toMatchObject({ restores: [{ outcome: 'completed' }] });
    expect(temporaryVm()).toBeUndefined();
  });
});

test('a backing of which nothing is told is not taken for one without marks', async () => {
  const backup = { id: randomUUID(), volumeId: volume.id };
  await lab.driver.backupVolume(backup, volume);
  lab.simulator.injectFault({
    method: 'Destroy_Task',
    when: 'task',
    kind: { fault: 'SystemError', reason: 'injected' },
  });
  await lab.driver.restoreBackup(backup, volume);
  const { ref } = lab.vmOf(volume);
  const told = [devicesPath, 'config.changeVersion', 'config.extraConfig', 'config.instanceUuid'];
  const vim = told.reduce<VimSession>(
    (inner, path) => tellingOtherwise(inner, path, (value, { value: id }) => (id === ref.value ? undefined : value)),
    lab.vim,
  );
  expect(await lab.driverWith({ vim }).recover({ olderThanMs: 0 })).toMatchObject({
    restores: [
      { outcome: 'failed', error: { retryable: true, message: expect.stringContaining('out of reach') as unknown } },
    ],
  });
  expect(await lab.driver.recover({ olderThanMs: 0 })).toMatchObject({ restores: [{ outcome: 'completed' }] });
});

test('a backing that tells no devices is not given its old disk again', async () => {
  const backup = { id: randomUUID(), volumeId: volume.id };
  await lab.driver.backupVolume(backup, volume);
  const old = lab.diskOf(volume).path;
  const { ref } = lab.vmOf(volume);
  let isAway = false;
  const vim = telling(ref, (devices) => (isAway ? undefined : devices));
  const stop = lab.simulator.onCall(({ phase, call }) => {
    if (phase === 'task-done' && call.method === 'MoveVirtualDisk_Task') isAway = true;
  });
  const error = await refusal(() => lab.driverWith({ vim }).restoreBackup(backup, volume));
  stop();
  expect(error).toMatchObject({ code: 'BACKING_INVALID', retryable: true });
  isAway = false;
  await lab.driver.recover({ olderThanMs: 0 });
  expect(lab.diskOf(volume)).toMatchObject({ path: old, missing: false });
  await lab.expectNothingLeft();
});

describe('a mark is read, also where the disks are not told', () => {
  let backup: Backup;
  beforeEach(async () => {
    backup = { id: 'b', volumeId: volume.id };
    await lab.driver.backupVolume(backup, volume);
  });

  test('of an exchange whose reply is lost', async () => {
    lab.simulator.injectFault({ method: 'ReconfigVM_Task', nth: 2, when: 'after', kind: 'reset' });
    let changes = 0;
    lab.simulator.onCall(({ phase, call }) => {
      if (phase === 'before' && call.method === 'ReconfigVM_Task') changes++;
    });
    let looks = 0;
    const vim = telling(lab.vmOf(volume).ref, (devices) => (changes === 2 && looks++ === 0 ? undefined : devices));
    expect(await lab.driverWith({ vim }).restoreBackup(backup, volume)).toMatchObject({ cleanup: 'done' });
    expect(looks).toBeGreaterThan(1);
  });

  test('of a VM that only has the volume’s instance UUID: it hides the backing from no recovery', async () => {
    lab.simulator.injectFault({
      method: 'Destroy_Task',
      when: 'task',
      kind: { fault: 'SystemError', reason: 'injected' },
    });
    await lab.driver.restoreBackup(backup, volume);
    const { administrator } = lab.simulator;
    const vmPath = administrator.unregisterVm(lab.vmOf(volume).name);
    const { ref } = await lab.simulator.addVm({
      name: 'namesake',
      instanceUuid: volume.id,
      extraConfig: { 'cinder.volume.id': randomUUID() },
      disk: { capacityBytes: bytesPerMiB },
    });
    // That UUID is taken by then: the backing gets another one, and is known by its mark.
    administrator.registerVm(vmPath);
    const driver = lab.driverWith({ vim: telling(ref, () => undefined) });
    expect(await driver.recover({ olderThanMs: 0 })).toMatchObject({ restores: [{ outcome: 'completed' }] });
  });
});

describe('a VM without a layout is known by its devices', () => {
  /** A driver with a server that tells the stranger's disks by its devices only, and these otherwise. */
  function driverTelling(tell: Tell) {
    const { ref } = lab.simulator.vm('stranger')!;
    const vim = tellingOtherwise(lab.vim, 'layout.disk', (disks, { value }) =>
      value === ref.value ? undefined : disks,
    );
    return lab.driverWith({ vim: telling(ref, tell, vim) });
  }

  async function expectInUse(operate: () => Promise<unknown>): Promise<void> {
    const error = await lab.refusedUnchanged(operate);
    expect(error).toMatchObject({ code: 'BACKING_IN_USE' });
    expect(error.message).toContain('stranger');
  }

  let backup: Backup;
  beforeEach(async () => {
    backup = { id: 'b', volumeId: volume.id };
    await lab.driver.backupVolume(backup, volume);
  });

  test.each(Object.entries(untold))('also beside a disk %s: what it has is not replaced', async (_, tell) => {
    await lab.simulator.administrator.attachDisk('stranger', { path: lab.diskOf(volume).path });
    await expectInUse(() => driverTelling(tell).restoreBackup(backup, volume));
  });

  test.each(Object.entries(untold))('also beside a disk %s: what it is built on is not extended', async (_, tell) => {
    await lab.simulator.removeVm('stranger');
    await lab.simulator.addVm({ name: 'stranger', disk: { parent: lab.diskOf(volume).path } });
    const other = await lab.simulator.addVm({ name: 'other', disk: { capacityBytes: bytesPerMiB } });
    strangers = other.disks[0]!.path;
    await lab.simulator.administrator.attachDisk('stranger', { path: strangers });
    await expectInUse(() => driverTelling(tell).extendVolume(volume, 2));
  });

  test.each([
    'VirtualDiskFlatVer1BackingInfo',
    'VirtualDiskSparseVer1BackingInfo',
    'VirtualDiskSparseVer2BackingInfo',
    'VirtualDiskSeSparseBackingInfo',
    'VirtualDiskRawDiskMappingVer1BackingInfo',
    'VirtualDiskLocalPMemBackingInfo',
  ])('by a file of any kind: %s', async (_type) => {
    const fileName = lab.diskOf(volume).path;
    const driver = driverTelling((devices) =>
      withStrangers(devices, ({ backing, ...device }) => ({ ...device, backing: { ...backing, _type, fileName } })),
    );
    await expectInUse(() => driver.restoreBackup(backup, volume));
  });
});
