import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Backup, VimConnectionError, VimFault, type VimSession, type Volume } from '../../src/index.js';
import { Lab, refusal } from '../driver/support/lab.js';
import { sessionWith, tellingOtherwise } from '../driver/support/services.js';
import { policies, volumeWithPolicy } from '../pbm/support/policies.js';
import { until } from '../support/until.js';

let lab: Lab;
let volume: Volume;
let backup: Backup;
/** The disk that a restore replaces, and what the restored one holds. */
let old: string;
let restored: string;
beforeEach(async () => {
  lab = await Lab.start({ simulator: { storagePolicies: policies } });
  volume = await volumeWithPolicy(lab, 'gold');
  backup = { id: 'b', volumeId: volume.id };
  await lab.driver.backupVolume(backup, volume);
  old = lab.diskOf(volume).path;
  restored = await lab.contentOf(volume);
});
afterEach(() => lab[Symbol.asyncDispose]());

const exists = (wanted: string): boolean => lab.simulator.files().some(({ path }) => path === wanted);
const temporaryVm = () => lab.simulator.vms().find(({ name }) => name.startsWith('vmdk-driver'));
const isExchanged = (): boolean => lab.vmOf(volume).disks.some(({ path }) => path !== old);

interface Change {
  readonly operation: string;
  readonly profile?: unknown;
}

/** A session whose changes of the backing's disks are made otherwise, or refused. */
function changingDisks(vim: VimSession, change: (changes: readonly Change[]) => readonly Change[]): VimSession {
  const { ref } = lab.vmOf(volume);
  return sessionWith(vim, {
    invoke: async (method, target, args, options) => {
      const { spec = {} } = args as { readonly spec?: { readonly deviceChange?: readonly Change[] } };
      const { deviceChange } = spec;
      const isOther = method !== 'ReconfigVM_Task' || target.value !== ref.value || deviceChange === undefined;
      const made = isOther ? args : { spec: { ...spec, deviceChange: change(deviceChange) } };
      return vim.invoke(method, target, made as typeof args, options);
    },
  });
}

/** A session that refuses such changes of the backing's disks once the volume has the new one. */
function refusingBack(vim: VimSession, isRefused: (changes: readonly Change[]) => boolean = () => true): VimSession {
  return changingDisks(vim, (changes) => (isExchanged() && isRefused(changes) ? refuse() : changes));
}

/** A session whose storage policy service says another thing of the disk, once the volume has the new one. */
function askingPolicies(vim: VimSession, answer: () => unknown): VimSession {
  return sessionWith(vim, {
    invoke: async (method, target, args, options) => {
      const result: unknown = await vim.invoke(method, target, args, options);
      if (method !== 'PbmQueryAssociatedProfiles' || !isExchanged()) return result as never;
      const other = answer();
      if (other === undefined) return result as never;
      return (result as readonly object[]).map((one) => ({ ...one, profileId: [{ uniqueId: other }] })) as never;
    },
  });
}

/** A session whose server says that the backing's new disk has another capacity. */
function tellingCapacity(vim: VimSession): VimSession {
  const { ref } = lab.vmOf(volume);
  return tellingOtherwise(vim, 'config.hardware.device', (devices, { value }) =>
    value === ref.value && isExchanged()
      ? (devices as readonly { _type: string }[]).map((device) =>
          device._type === 'VirtualDisk' ? { ...device, capacityInBytes: 4096 } : device,
        )
      : devices,
  );
}

const refuse = (): never => {
  throw new VimFault('SystemError', 'ReconfigVM_Task', 'injected');
};

async function expectKept(): Promise<void> {
  expect(exists(old)).toBe(true);
  expect(lab.diskOf(volume).path).not.toBe(old);
  expect(await lab.contentOf(volume)).toBe(restored);
  // The volume is not held by what was kept.
  expect(temporaryVm()).toBeUndefined();
  expect(await lab.driver.recover({ olderThanMs: 0 })).toMatchObject({ restores: [] });
  await lab.driver.extendVolume(volume, 2);
}

describe('a disk that is found wrong after the exchange', () => {
  test.each<[string, (vim: VimSession) => VimSession, RegExp]>([
    ['policy', (vim) => askingPolicies(vim, () => 'silver-id'), /silver-id/],
    ['capacity', tellingCapacity, /4096 bytes/],
  ])(
    'and that cannot go back out (%s): the restore rejects, and the old disk is kept and named',
    async (_, other, why) => {
      const driver = lab.driverWith({ vim: refusingBack(other(lab.vim)) });
      const error = await refusal(() => driver.restoreBackup(backup, volume));
      expect(error).toMatchObject({ code: 'RESTORE_FAILED', cleanup: 'kept', kept: [old], retryable: false });
      expect(error.message).toMatch(why);
      expect(error.message).toContain(old);
      expect(error.toJSON()).toMatchObject({ kept: [old] });
      expect(String(error.cause)).toContain('injected');
      await expectKept();
    },
  );

  test('goes back out though the old disk’s policy is not accepted any more', async () => {
    const vim = refusingBack(tellingCapacity(lab.vim), (changes) =>
      changes.some(({ profile }) => profile !== undefined),
    );
    const error = await refusal(() => lab.driverWith({ vim }).restoreBackup(backup, volume));
    expect(error).toMatchObject({ code: 'RESTORE_FAILED', cleanup: 'done' });
    expect(error.message).toContain('the volume has its old disk again, without its storage policy');
    expect(lab.diskOf(volume)).toMatchObject({ path: old, missing: false });
    await lab.expectNothingLeft();
  });

  test('is reported also by who lost the restore to somebody else', async () => {
    const vim = askingPolicies(lab.vim, () => 'silver-id');
    let isTaken = false;
    const stop = lab.simulator.onCall(async ({ phase, call }) => {
      if (phase !== 'before' || call.method !== 'PbmQueryAssociatedProfiles' || !isExchanged() || isTaken) return;
      isTaken = true;
      const extraConfig = [{ _type: 'OptionValue', key: 'vmdk-driver.token', value: 'another' }] as const;
      await lab.vim.invoke('ReconfigVM_Task', temporaryVm()!.ref, { spec: { extraConfig } });
    });
    const error = await refusal(() => lab.driverWith({ vim }).restoreBackup(backup, volume));
    stop();
    expect(error).toMatchObject({ code: 'RESTORE_FAILED', cleanup: 'pending' });
    expect(error.message).toContain('silver-id');
    expect(exists(old)).toBe(true);
  });
});

describe('a disk that cannot be proved after the exchange', () => {
  const down = (): never => {
    throw new VimConnectionError('the storage policy service is down', 'not-sent');
  };

  test('since nobody answers at the moment: it is proved again, and the restore resolves', async () => {
    let asked = 0;
    const vim = askingPolicies(lab.vim, () => (asked++ === 0 ? down() : undefined));
    expect(await lab.driverWith({ vim }).restoreBackup(backup, volume)).toMatchObject({ cleanup: 'done' });
    expect(asked).toBe(2);
    expect(exists(old)).toBe(false);
    await lab.expectNothingLeft();
  });

  test('is not said to be good, and the old one stays until recovery has proved it', async () => {
    const driver = lab.driverWith({ vim: askingPolicies(lab.vim, () => refuse()) });
    const error = await refusal(() => driver.restoreBackup(backup, volume));
    expect(error).toMatchObject({ code: 'RESTORE_FAILED', cleanup: 'pending' });
    expect(error.message).toContain(old);
    expect(exists(old)).toBe(true);

    expect(await driver.recover({ olderThanMs: 0 })).toMatchObject({
      restores: [{ outcome: 'failed', error: { code: 'RESTORE_FAILED' } }],
    });
    expect(exists(old)).toBe(true);

    expect(await lab.driver.recover({ olderThanMs: 0 })).toMatchObject({ restores: [{ outcome: 'completed' }] });
    expect(exists(old)).toBe(false);
    expect(await lab.contentOf(volume)).toBe(restored);
    await lab.expectNothingLeft();
  });

  test.each<[string, (vim: VimSession) => VimSession]>([
    ['policy', (vim) => askingPolicies(vim, () => 'silver-id')],
    ['capacity', tellingCapacity],
  ])('and that recovery finds wrong (%s): the old one is kept and named', async (_, other) => {
    await refusal(() => lab.driverWith({ vim: askingPolicies(lab.vim, () => refuse()) }).restoreBackup(backup, volume));
    expect(await lab.driverWith({ vim: other(lab.vim) }).recover({ olderThanMs: 0 })).toMatchObject({
      restores: [{ outcome: 'failed', kept: [old], error: { code: 'RESTORE_FAILED' } }],
    });
    await expectKept();
  });

  test('since it was attached beside the old one: nothing is destroyed', async () => {
    const vim = changingDisks(lab.vim, (changes) =>
      changes
        .filter(({ operation }) => operation === 'add')
        .map((added) => ({ ...added, device: { ...(added as unknown as { device: object }).device, unitNumber: 1 } })),
    );
    const error = await refusal(() => lab.driverWith({ vim }).restoreBackup(backup, volume));
    expect(error).toMatchObject({ code: 'RESTORE_FAILED', cleanup: 'pending', retryable: false });
    expect(error.message).toContain('2 virtual disks');
    expect(lab.vmOf(volume).disks).toHaveLength(2);
    expect(temporaryVm()).toBeDefined();
    expect(await lab.driver.recover({ olderThanMs: 0 })).toMatchObject({ restores: [{ outcome: 'failed' }] });
  });
});

test('an exchange that was made, and is answered as one that came too late, is not made again', async () => {
  const { ref } = lab.vmOf(volume);
  let isAnswered = false;
  const vim = sessionWith(lab.vim, {
    invoke: async (method, target, args, options) => {
      const result = await lab.vim.invoke(method, target, args, options);
      if (method !== 'ReconfigVM_Task' || target.value !== ref.value || isAnswered) return result;
      await until(isExchanged);
      isAnswered = true;
      throw new VimFault('ConcurrentAccess', method, 'injected');
    },
  });
  const result = await lab.driverWith({ vim }).restoreBackup(backup, volume);
  expect(isAnswered).toBe(true);
  expect(result).toMatchObject({ cleanup: 'done' });
  expect(exists(old)).toBe(false);
  expect(await lab.contentOf(volume)).toBe(restored);
  await lab.expectNothingLeft();
});
