import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Backup, type BackupManifest, VimProtocolError, type Volume } from '../../src/index.js';
import type { CallFault, SimulatorOptions, TransferFaultKind } from '../../src/simulator/index.js';
import type { VimObject } from '../../src/vim/schema/index.js';
import { until } from '../support/until.js';
import { Lab, refusal, someContent } from './support/lab.js';
import { filesOnly, serviceOf, sessionWith, tellingOtherwise } from './support/services.js';

let lab: Lab;
let volume: Volume;
let backup: Backup;
let manifest: BackupManifest;

beforeAll(async () => {
  lab = await Lab.start();
  volume = await lab.addVolume();
  backup = { id: 'good', volumeId: volume.id };
  manifest = await lab.driver.backupVolume(backup, volume);
});
afterAll(() => lab[Symbol.asyncDispose]());

describe.each(['file', 'stream'] as const)(
  'an import that goes wrong, by %s: a typed error, the volume as it was',
  (transfer) => {
    test.each<[TransferFaultKind, number, string]>([
      ['status', 0, 'TRANSFER_FAILED'],
      ['status', 100_000, 'TRANSFER_FAILED'],
      ['reset', 0, 'TRANSFER_FAILED'],
      ['reset', 100_000, 'TRANSFER_FAILED'],
      ['corrupt', 100, 'TRANSFER_FAILED'],
      ['corrupt', 100_000, 'TRANSFER_FAILED'],
      ['stall', 100_000, 'TRANSFER_STALLED'],
    ])('%s at byte %i', async (kind, atByte, code) => {
      const fault = lab.simulator.injectTransferFault({ direction: 'import', kind, atByte });
      const stalls = kind === 'stall';
      const driver = lab.driverWith({ config: { transfer, ...(stalls ? { stallTimeoutMs: 1_000 } : {}) } });
      const error = await lab.refusedUnchanged(() => driver.restoreBackup(backup, volume, { manifest }));
      // On a busy machine nothing may move for a second before the fault does.
      expect(fault.fired || stalls).toBe(true);
      lab.simulator.clearFaults();
      expect(error).toMatchObject({ code, retryable: true, phase: 'import', cleanup: 'done' });
      expect(lab.simulator.leases().at(-1)).toMatchObject({ kind: 'import', state: 'error' });
    });

    test('into a new volume: nothing of it remains', async () => {
      const driver = lab.driverWith({ config: { transfer } });
      await driver.restoreBackup(backup, { id: randomUUID(), size: 1 }); // the inventory folder is there from now on
      lab.simulator.injectTransferFault({ direction: 'import', kind: 'reset', atByte: 100_000 });
      const error = await lab.refusedUnchanged(() => driver.restoreBackup(backup, { id: randomUUID(), size: 1 }));
      expect(error).toMatchObject({ code: 'TRANSFER_FAILED', retryable: true });
    });
  },
);

test.each<[string, object]>([
  ['NotSupported', {}],
  ['MethodNotFound', { receiver: { type: 'VirtualDiskManager', value: 'm' }, method: 'm' }],
  ['InvalidDatastore', { name: 'datastore1' }],
  ['CannotAccessFile', { file: 'disk.vmdk' }],
])(
  'a server that does not move detached disks, and says so with %s, is no reason to give up',
  async (fault, fields) => {
    await using other = await Lab.start();
    const moved = await other.addVolume();
    const wanted = await other.contentOf(moved);
    await other.driver.backupVolume({ id: 'good', volumeId: moved.id }, moved);
    await other.simulator.writeDisk(other.diskOf(moved).path, someContent());
    const kind = { fault, ...fields };
    const injected = other.simulator.injectFault({ method: 'MoveVirtualDisk_Task', when: 'task', kind });
    await other.driver.restoreBackup({ id: 'good', volumeId: moved.id }, moved);
    expect(injected.fired).toBe(true);
    expect(await other.contentOf(moved)).toBe(wanted);
    await other.expectNothingLeft();
  },
);

describe('where disks are not moved, and so stay in the folder of their import', () => {
  /** A volume whose disk came by one restore, and now holds something else than its backup. */
  async function restoredOnce(simulator: SimulatorOptions = {}) {
    const other = await Lab.start({ simulator: { quirks: { moveDiskFault: 'NotSupported' }, ...simulator } });
    const stayed = await other.addVolume();
    const wanted = await other.contentOf(stayed);
    const good = { id: 'good', volumeId: stayed.id };
    await other.driver.backupVolume(good, stayed);
    await other.driver.restoreBackup(good, stayed);
    await other.simulator.writeDisk(other.diskOf(stayed).path, someContent());
    return { other, stayed, good, wanted, before: other.diskOf(stayed) };
  }

  /** Restores in a process that dies as one of its reconfigurations has ended: the first detaches the disk, the second exchanges it. */
  async function dieAfter(nth: number, other: Lab, good: Backup, of: Volume): Promise<void> {
    const { simulator, vim } = other;
    let ended = 0;
    const stop = simulator.onCall(({ phase, call }) => {
      if (phase === 'task-done' && call.method === 'ReconfigVM_Task') ended++;
    });
    const dead = new VimProtocolError('the process is dead');
    const mortal = sessionWith(vim, {
      invoke: (...args) => (ended >= nth ? Promise.reject(dead) : vim.invoke(...args)),
    });
    const error = await refusal(() => other.driverWith({ vim: mortal }).restoreBackup(good, of));
    expect(error).toMatchObject({ cleanup: 'pending' });
    stop();
  }

  test.each([
    ['exchanged it', 2, 'completed'],
    ['detached it', 1, 'undone'],
  ])('a second restore that dies when it has %s is recovered', async (_, nth, outcome) => {
    const { other, stayed, good, wanted, before } = await restoredOnce();
    await using _other = other;
    const content = await other.contentOf(stayed);
    await dieAfter(nth, other, good, stayed);
    expect(other.diskOf(stayed).path === before.path).toBe(outcome === 'undone');
    await expect(other.driver.extendVolume(stayed, 2)).rejects.toMatchObject({ code: 'VOLUME_BUSY' });

    const { restores } = await other.driver.recover({ olderThanMs: 0 });
    expect(restores).toEqual([expect.objectContaining({ outcome })]);
    expect(restores[0]?.kept).toBeUndefined();
    expect(await other.contentOf(stayed)).toBe(outcome === 'completed' ? wanted : content);
    expectNoDisksLeft(other);
    await other.driver.backupVolume({ id: 'next', volumeId: stayed.id }, stayed);
    await other.driver.restoreBackup(good, stayed);
    expectNoDisksLeft(other);
  });

  test('a second restore whose exchange a server makes by halves puts the old disk back', async () => {
    const { other, stayed, good, before } = await restoredOnce({ atomicReconfigure: false });
    await using _other = other;
    const content = await other.contentOf(stayed);
    let imported = '';
    let reconfigured = 0;
    const stop = other.simulator.onCall(({ phase, call }) => {
      if (phase !== 'before' || call.method !== 'ReconfigVM_Task' || ++reconfigured < 2) return;
      stop();
      const disks = other.simulator.files().filter(({ kind, path }) => kind === 'disk' && path !== before.path);
      imported = disks[0]!.path;
      other.simulator.lockFile(imported);
    });
    await refusal(() => other.driver.restoreBackup(good, stayed));
    expect(other.diskOf(stayed)).toEqual(before);
    expect(await other.contentOf(stayed)).toBe(content);
    other.simulator.unlockFile(imported);
    await other.driver.recover({ olderThanMs: 0 });
    expect(other.diskOf(stayed)).toEqual(before);
    expectNoDisksLeft(other);
  });

  test('a new disk that is not as it should be goes back out, and is deleted', async () => {
    const { other, stayed, good, before } = await restoredOnce();
    await using _other = other;
    const { ref } = other.vmOf(stayed);
    type Disk = VimObject<'VirtualDisk'> & { readonly backing: { readonly fileName: string } };
    const isNew = (device: VimObject<'VirtualDevice'>): device is Disk =>
      device._type === 'VirtualDisk' && (device as Disk).backing.fileName !== before.path;
    const vim = tellingOtherwise(other.vim, 'config.hardware.device', (told, { value }) => {
      const devices = told as readonly VimObject<'VirtualDevice'>[];
      return value === ref.value ? devices.map((one) => (isNew(one) ? { ...one, capacityInBytes: 512 } : one)) : told;
    });
    const error = await refusal(() => other.driverWith({ vim }).restoreBackup(good, stayed));
    expect(error).toMatchObject({ code: 'RESTORE_FAILED', cleanup: 'done' });
    expect(error.message).toContain('capacity');
    expect(other.diskOf(stayed)).toEqual(before);
    expectNoDisksLeft(other);
  });

  /** A folder that a disk left stays. */
  function expectNoDisksLeft({ simulator }: Lab): void {
    expect(simulator.leftovers().filter(({ kind }) => kind !== 'directory')).toEqual([]);
  }
});

describe('a step of the restore that fails: the volume has its old disk, nothing is left', () => {
  const soon = { fault: 'RuntimeFault' };
  test.each<[string, CallFault]>([
    ['the import is refused', { method: 'ImportVApp', kind: soon }],
    ['the lease cannot be completed', { method: 'HttpNfcLeaseComplete', kind: { fault: 'InvalidState' } }],
    ['the imported disk cannot be detached', { method: 'ReconfigVM_Task', nth: 1, when: 'task', kind: soon }],
    ['it cannot be moved', { method: 'MoveVirtualDisk_Task', when: 'task', kind: soon }],
    ['it cannot be given its UUID', { method: 'SetVirtualDiskUuid', nth: 2, kind: soon }],
    ['the exchange is refused', { method: 'ReconfigVM_Task', nth: 2, when: 'task', kind: soon }],
  ])('existing volume: %s', async (_what, fault) => {
    const injected = lab.simulator.injectFault(fault);
    const error = await lab.refusedUnchanged(() => lab.driver.restoreBackup(backup, volume, { manifest }));
    expect(injected.fired).toBe(true);
    expect(error).toMatchObject({
      code: fault.method === 'HttpNfcLeaseComplete' ? 'LEASE_FAILED' : 'VIM_FAULT',
      cleanup: 'done',
    });
  });

  test.each<[string, CallFault]>([
    ['the import is refused', { method: 'ImportVApp', kind: soon }],
    ['the disk cannot be extended', { method: 'ExtendVirtualDisk_Task', when: 'task', kind: soon }],
    ['it cannot be made whole', { method: 'ReconfigVM_Task', when: 'task', kind: soon }],
    ['it cannot be published', { method: 'ReconfigVM_Task', nth: 2, when: 'task', kind: soon }],
  ])('new volume: %s', async (_what, fault) => {
    const fresh = { id: randomUUID(), size: 2 };
    const injected = lab.simulator.injectFault(fault);
    const error = await lab.refusedUnchanged(() => lab.driver.restoreBackup(backup, fresh, { manifest }));
    expect(injected.fired).toBe(true);
    expect(error).toMatchObject({ code: 'VIM_FAULT', cleanup: 'done' });
  });

  test('an extension that fails when there is no room for it comes before the exchange', async () => {
    const larger = { ...volume, size: 2 };
    lab.simulator.injectFault({
      method: 'ExtendVirtualDisk_Task',
      when: 'task',
      kind: { fault: 'NoDiskSpace', file: 'disk.vmdk', datastore: 'datastore1' },
    });
    const error = await lab.refusedUnchanged(() => lab.driver.restoreBackup(backup, larger, { manifest }));
    expect(error).toMatchObject({ code: 'VIM_FAULT', faultName: 'NoDiskSpace', phase: 'swap' });
  });

  test('an import whose connection is lost: the VM may still appear, under a lease that nobody knows', async () => {
    const injected = lab.simulator.injectFault({ method: 'ImportVApp', kind: 'reset' });
    const error = await lab.refusedUnchanged(() => lab.driver.restoreBackup(backup, volume, { manifest }));
    expect(injected.fired).toBe(true);
    expect(error).toMatchObject({
      code: 'VIM_CONNECTION_FAILED',
      retryable: true,
      cleanup: 'pending',
      retryAfterMs: 300_000,
    });
  });

  test('likewise where the server stays away', async () => {
    const injected = lab.simulator.injectFault({ method: 'ImportVApp', when: 'after', kind: 'reset' });
    const stop = lab.simulator.onCall(({ phase }) => {
      if (phase === 'before' && injected.fired) throw new Error('the server is out of reach');
    });
    const error = await refusal(() => lab.driver.restoreBackup(backup, volume, { manifest }));
    stop();
    expect(error).toMatchObject({ code: 'VIM_CONNECTION_FAILED', cleanup: 'pending', retryAfterMs: 300_000 });
    lab.simulator.advanceTime(300_000);
    await until(() => lab.simulator.leftovers().length === 0);
    await lab.expectNothingLeft();
  });

  test('the old disk cannot be deleted: the volume has its new disk, and recover() ends the rest', async () => {
    const content = await lab.contentOf(volume);
    const old = lab.diskOf(volume).path;
    lab.simulator.injectFault({ method: 'ReconfigVM_Task', nth: 3, when: 'task', kind: soon });
    expect(await lab.driver.restoreBackup(backup, volume, { manifest })).toMatchObject({ cleanup: 'pending' });
    expect(lab.simulator.leftovers().map(({ what }) => what)).toContain(old);
    expect(await lab.driver.recover({ olderThanMs: 0 })).toMatchObject({ restores: [{ outcome: 'completed' }] });
    expect(await lab.contentOf(volume)).toBe(content);
    await lab.expectNothingLeft();
  });

  test('the temporary VM cannot be destroyed: likewise', async () => {
    lab.simulator.injectFault({ method: 'Destroy_Task', when: 'task', kind: soon });
    expect(await lab.driver.restoreBackup(backup, volume, { manifest })).toMatchObject({ cleanup: 'pending' });
    expect(await lab.driver.recover({ olderThanMs: 0 })).toMatchObject({ restores: [{ outcome: 'completed' }] });
    await lab.expectNothingLeft();
  });
});

describe('a service that fails a restore leaves vCenter untouched', () => {
  const down = new Error('the store is down');
  test('when it restores a file, before vCenter was asked to change anything', async () => {
    const changing = ['ImportVApp', 'ReconfigVM_Task', 'CreateFolder'];
    const count = () => changing.map((method) => lab.callsOf(method));
    const before = count();
    const driver = lab.driverWith({ service: filesOnly(lab.service, { restore: () => Promise.reject(down) }) });
    for (const target of [volume, { id: randomUUID(), size: 1 }]) {
      const error = await lab.refusedUnchanged(() => driver.restoreBackup(backup, target));
      expect(error).toMatchObject({ code: 'BACKUP_SERVICE_FAILED', cause: down, phase: 'fetch' });
    }
    expect(count()).toEqual(before);
  });

  test('when it cannot say what it has', async () => {
    const driver = lab.driverWith({ service: { ...filesOnly(lab.service), readManifest: () => Promise.reject(down) } });
    expect(await lab.refusedUnchanged(() => driver.restoreBackup(backup, volume))).toMatchObject({
      code: 'BACKUP_SERVICE_FAILED',
      cause: down,
    });
  });

  test('when its stream breaks off in the middle: the temporary VM is gone again', async () => {
    const breaking = {
      ...serviceOf(Buffer.alloc(0), manifest),
      openRestore: async () => {
        const { stream } = (await lab.service.openRestore?.(backup))!;
        stream.once('readable', () => stream.destroy(down));
        return { stream };
      },
    };
    const driver = lab.driverWith({ service: breaking });
    for (const operate of [() => driver.restoreBackup(backup, volume), () => driver.verifyBackup(backup)]) {
      expect(await lab.refusedUnchanged(operate)).toMatchObject({ code: 'BACKUP_SERVICE_FAILED', cause: down });
    }
  });

  test.each([
    ['shorter', (bytes: Buffer) => bytes.subarray(0, -1024)],
    // Not by zeros, which a store may add.
    ['longer', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(512, 1)])],
  ])('when its stream is %s than the manifest says', async (_what, change) => {
    const path = `${lab.directory}/copy`;
    await lab.service.restore(backup, volume.id, { path });
    const service = serviceOf(change(await readFile(path)), manifest);
    const error = await lab.refusedUnchanged(() => lab.driverWith({ service }).restoreBackup(backup, volume));
    expect(['BACKUP_CORRUPT', 'INVALID_VMDK', 'TRANSFER_FAILED']).toContain(error.code);
  });
});

test('a restore to a new volume that took effect resolves, though its end was answered with a fault', async () => {
  const copy = { id: randomUUID(), size: 1 };
  const soon = { fault: 'RuntimeFault' };
  const unseen = lab.simulator.injectFault({ method: 'ReconfigVM_Task', nth: 2, when: 'after-task', kind: soon });

  const result = await lab.driver.restoreBackup(backup, copy, { manifest });

  expect(unseen.fired).toBe(true);
  expect(result).toMatchObject({ created: true, cleanup: 'done' });
  expect(lab.vmOf(copy).ref).toEqual(result.backing);
  await lab.expectNothingLeft();
});

test('a restore to a new volume whose publication is never answered says that it may have taken effect', async () => {
  const copy = { id: randomUUID(), size: 1 };
  let reconfigurations = 0;
  lab.simulator.injectFault({ method: 'ReconfigVM_Task', nth: 2, when: 'after', kind: 'reset' });
  const stop = lab.simulator.onCall(({ phase, call }) => {
    if (phase === 'before' && reconfigurations === 2) throw new Error('the server is out of reach');
    if (phase === 'before' && call.method === 'ReconfigVM_Task') reconfigurations++;
  });
  const error = await refusal(() => lab.driver.restoreBackup(backup, copy, { manifest }));
  stop();
  expect(error).toMatchObject({ code: 'VIM_CONNECTION_FAILED', outcome: 'unknown', cleanup: 'pending', phase: 'swap' });
  expect(error.message).toContain('a new volume that has a backing then is restored');

  expect((await lab.driver.recover({ olderThanMs: 0 })).restores).toEqual([]);
  expect(await lab.contentOf(copy)).toBe(await lab.contentOf(volume));
  await lab.expectNothingLeft();
});
