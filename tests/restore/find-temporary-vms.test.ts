import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { VimSession, Volume } from '../../src/index.js';
import { temporaryVmUuid } from '../../src/journal/restore-journal.js';
import { findTemporaryVmOf, listTemporaryVms } from '../../src/restore/find-temporary-vms.js';
import type { MoRef } from '../../src/vim/schema/index.js';
import { bytesPerGiB, Lab } from '../driver/support/lab.js';
import { tellingOtherwise } from '../driver/support/services.js';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.start();
});
afterEach(() => lab[Symbol.asyncDispose]());

const claims = {
  'vmdk-driver.operation': '3f1c2a54-6f0d-4d59-9d4e-1f0c7a5b9e21',
  'vmdk-driver.token': 'token',
  'vmdk-driver.owner': 'somebody',
  'vmdk-driver.startedAt': '2026-01-02T03:04:05.678Z',
  'vmdk-driver.stamp': '2026-01-02T03:04:05.678Z',
  'vmdk-driver.volumeId': 'v',
  'vmdk-driver.volumeName': 'volume-v',
};

/** A volume's temporary VM as an import makes it, and the folder it lies in. */
async function temporaryVm(volumeId = 'v'): Promise<{ readonly ref: MoRef; readonly folder: MoRef }> {
  const { ref } = await lab.simulator.addVm({
    name: `vmdk-driver-restore-${volumeId}`,
    uuid: temporaryVmUuid,
    disk: { capacityBytes: bytesPerGiB },
    extraConfig: { ...claims, 'vmdk-driver.volumeId': volumeId },
  });
  const { searchIndex } = lab.vim.serviceContent;
  const folder = (await lab.vim.invoke('FindByInventoryPath', searchIndex!, { inventoryPath: 'DC0/vm' })) as MoRef;
  return { ref, folder };
}

/** That work on a volume is refused while a restore of it is under way, though the session ends without a word. */
async function expectBusy(volume: Volume, work: (volume: Volume) => Promise<unknown>): Promise<void> {
  await temporaryVm(volume.id);
  const fault = lab.simulator.injectFault({ method: 'FindAllByUuid', kind: 'session-blind' });
  await expect(work(volume)).rejects.toMatchObject({ code: 'VOLUME_BUSY' });
  expect(fault.fired).toBe(true);
}

/** What a session that ended without a word is answered: searches find nothing. */
const searches = ['FindAllByUuid', 'FindChild'] as const;

describe('a session that ends without a word', () => {
  test.each(searches)('hides no temporary VM from recovery: %s', async (method) => {
    const { ref } = await temporaryVm();
    const fault = lab.simulator.injectFault({ method, kind: 'session-blind' });
    const { found } = await listTemporaryVms(lab.vim);
    expect(found.map((vm) => vm.ref.value)).toEqual([ref.value]);
    expect(fault.fired).toBe(true);
  });

  test.each(searches)('hides no temporary VM from the restore that made it: %s', async (method) => {
    const { ref, folder } = await temporaryVm();
    const fault = lab.simulator.injectFault({ method, kind: 'session-blind' });
    const journal = { operation: claims['vmdk-driver.operation'], volumeId: 'v' };
    expect((await findTemporaryVmOf(lab.vim, journal, folder))?.ref.value).toBe(ref.value);
    expect(fault.fired).toBe(true);
  });
});

describe.each([
  ['deleting', (volume: Volume) => lab.driver.deleteBacking(volume)],
  ['extending', (volume: Volume) => lab.driver.extendVolume(volume, 2)],
] as const)('%s a volume', (_name, change) => {
  test('is refused while a restore of it is under way, though the session ends without a word', async () => {
    const volume = await lab.addVolume();
    await expectBusy(volume, change);
    expect(lab.diskOf(volume).capacityBytes).toBe(bytesPerGiB);
  });
});

test('a temporary VM that may not be read is not taken for none', async () => {
  const { folder } = await temporaryVm();
  lab.simulator.administrator.setAccess('vmdk-driver-restore-v', 'unreadable');
  const journal = { operation: claims['vmdk-driver.operation'], volumeId: 'v' };
  await expect(findTemporaryVmOf(lab.vim, journal, folder)).rejects.toMatchObject({ faultName: 'NoPermission' });
});

describe('a temporary VM of which the server does not tell the configuration is not taken for none', () => {
  const tellingNone = (): VimSession =>
    ['config.changeVersion', 'config.extraConfig'].reduce<VimSession>(
      (vim, path) => tellingOtherwise(vim, path, () => undefined),
      lab.vim,
    );

  test('by the restore that made it', async () => {
    const { folder } = await temporaryVm();
    const journal = { operation: claims['vmdk-driver.operation'], volumeId: 'v' };
    await expect(findTemporaryVmOf(tellingNone(), journal, folder)).rejects.toMatchObject({
      code: 'VIM_PROTOCOL',
      retryable: true,
    });
  });

  test('by recovery: it is reported', async () => {
    const { ref } = await temporaryVm();
    expect((await lab.driverWith({ vim: tellingNone() }).recover()).restores).toEqual([
      { outcome: 'failed', error: expect.objectContaining({ message: expect.stringContaining(ref.value) }) },
    ]);
  });
});

test('what a living session does not see is not there', async () => {
  const { folder } = await temporaryVm();
  const other = { operation: 'another', volumeId: 'w' };
  expect(await findTemporaryVmOf(lab.vim, other, folder)).toBeUndefined();
});

test.each(['vcenter', 'esxi'] as const)(
  'a temporary VM that did not keep the UUID it was imported with is found by its name: %s',
  async (mode) => {
    await using other = await Lab.start({ simulator: { mode, leaseTimeoutSeconds: 1 } });
    const source = await other.addVolume();
    const backup = { id: 'b', volumeId: source.id };
    await other.driver.backupVolume(backup, source);
    other.simulator.setQuirks({ keepsImportedUuid: false });
    const volume = { id: randomUUID(), size: 1 };
    let out = false;
    const stop = other.simulator.onCall(({ phase, call }) => {
      // Whatever is cut off here was not carried out: nothing could give the VM its UUID.
      out ||= phase === 'after' && call.method === 'HttpNfcLeaseComplete';
      if (out && phase === 'before') throw new Error('the server is out of reach');
    });
    await expect(other.driver.restoreBackup(backup, volume)).rejects.toMatchObject({ cleanup: 'pending' });
    stop();
    const [left] = other.simulator.vms().filter(({ name }) => name.endsWith(volume.id));
    expect(left?.name).toMatch(/^vmdk-driver-restore-/);
    expect(left?.uuid).not.toBe(temporaryVmUuid);

    expect(await other.driver.recover()).toMatchObject({ restores: [{ volumeId: volume.id, outcome: 'undone' }] });
    await other.expectNothingLeft();
  },
);

describe.each([
  ['backing up', (volume: Volume) => lab.driver.backupVolume({ id: 'b', volumeId: volume.id }, volume)],
  ['restoring', (volume: Volume) => lab.driver.restoreBackup({ id: 'good', volumeId: 'any' }, volume)],
  ['creating', (volume: Volume) => lab.driver.createBacking(volume)],
] as const)('%s a volume that has no backing', (_name, work) => {
  test('is refused while a restore of it is under way, though the session ends without a word', async () => {
    const volume = { id: randomUUID(), size: 1 };
    await expectBusy(volume, work);
    expect(lab.simulator.vms().filter(({ instanceUuid }) => instanceUuid === volume.id)).toEqual([]);
  });
});
