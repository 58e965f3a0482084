import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Backup, BackupManifest, Volume } from '../../src/index.js';
import type { CallFault } from '../../src/simulator/index.js';
import { Lab, refusal, someContent } from '../driver/support/lab.js';
import { sessionWith } from '../driver/support/services.js';

const locked = { fault: 'FileLocked', file: '[datastore1] disk.vmdk' };

let lab: Lab;
let volume: Volume;
let backup: Backup;
let manifest: BackupManifest;
let wanted: string;

beforeEach(async () => {
  lab = await Lab.start();
  volume = await lab.addVolume();
  backup = { id: randomUUID(), volumeId: volume.id };
  wanted = await lab.contentOf(volume);
  manifest = await lab.driver.backupVolume(backup, volume);
  await lab.simulator.writeDisk(lab.diskOf(volume).path, someContent());
});
afterEach(() => lab[Symbol.asyncDispose]());

/** Whether a call gives a VM a disk. */
function isAdding(args: object): boolean {
  return JSON.stringify(args).includes('"operation":"add"');
}

/** Somebody's task locks a VM when it is reconfigured for the nth time, and ends a little later. */
function busyAt(nth: number, isMeant: (ref: string) => boolean): { tried: () => number } {
  let tried = 0;
  lab.simulator.onCall(({ phase, call }) => {
    if (phase !== 'before' || call.method !== 'ReconfigVM_Task' || !isMeant(call.target.value)) return;
    if (++tried !== nth) return;
    const task = lab.simulator.administrator.startTask({ vm: call.target.value, locks: true });
    setTimeout(() => {
      task.end();
    }, 200);
  });
  return { tried: () => tried };
}

describe('what stands in the way of a restore for a moment, after the upload, does not undo it', () => {
  test.each<[string, CallFault]>([
    ['the host still holds the imported file', { method: 'MoveVirtualDisk_Task', when: 'task', kind: locked }],
    ['it does so when the disk is extended', { method: 'ExtendVirtualDisk_Task', when: 'task', kind: locked }],
    ['and when it is given its UUID', { method: 'SetVirtualDiskUuid', nth: 2, kind: locked }],
    [
      'the disk turns out to be locked when it is attached',
      { method: 'ReconfigVM_Task', nth: 2, when: 'task', kind: locked },
    ],
    ['the old disk is, when it is to go', { method: 'ReconfigVM_Task', nth: 3, when: 'task', kind: locked }],
  ])('existing volume: %s', async (_what, fault) => {
    const larger = { ...volume, size: 2 };
    const injected = lab.simulator.injectFault(fault);
    expect(await lab.driver.restoreBackup(backup, larger, { manifest })).toMatchObject({ cleanup: 'done' });
    expect(injected.fired).toBe(true);
    expect(await lab.contentOf(volume)).toBe(wanted);
    await lab.expectNothingLeft();
  });

  test('new volume: the host still holds the imported file when it is extended', async () => {
    const fresh = { id: randomUUID(), size: 2 };
    const injected = lab.simulator.injectFault({ method: 'ExtendVirtualDisk_Task', when: 'task', kind: locked });
    await lab.driver.restoreBackup(backup, fresh, { manifest });
    expect(injected.fired).toBe(true);
    await lab.expectNothingLeft();
  });

  test('a task of somebody else works on the backing when the disks are exchanged: it is read again before each try', async () => {
    const backing = lab.vmOf(volume).ref.value;
    const exchange = busyAt(1, (ref) => ref === backing);
    expect(await lab.driver.restoreBackup(backup, volume, { manifest })).toMatchObject({ cleanup: 'done' });
    expect(exchange.tried()).toBe(2);
    const calls = lab.simulator.calls();
    const [first = 0, second = 0] = calls.flatMap(({ method, target }, index) =>
      method === 'ReconfigVM_Task' && target.value === backing ? [index] : [],
    );
    // The lock's probe comes with the look whether the disk may still be replaced.
    const between = calls.slice(first, second).map(({ method }) => method);
    expect(between).toEqual(expect.arrayContaining(['RetrievePropertiesEx', 'SetVirtualDiskUuid']));
    expect(await lab.contentOf(volume)).toBe(wanted);
    await lab.expectNothingLeft();
  });

  test('or on the temporary VM when its disk is detached', async () => {
    const backing = lab.vmOf(volume).ref.value;
    const detach = busyAt(1, (ref) => ref !== backing);
    expect(await lab.driver.restoreBackup(backup, volume, { manifest })).toMatchObject({ cleanup: 'done' });
    expect(detach.tried()).toBeGreaterThan(1);
    expect(await lab.contentOf(volume)).toBe(wanted);
    await lab.expectNothingLeft();
  });
});

test('the disk’s UUID is set once the lock has gone, where the server keeps none that it is given before', async () => {
  const vim = sessionWith(lab.vim, {
    invoke: (method, target, args, options) => {
      const without = (key: string, value: unknown) => (key === 'uuid' && isAdding(args) ? undefined : value);
      return lab.vim.invoke(method, target, JSON.parse(JSON.stringify(args, without)) as typeof args, options);
    },
  });
  lab.simulator.setQuirks({ setDiskUuidFault: 'NotSupported' });
  const injected = lab.simulator.injectFault({ method: 'ReconfigVM_Task', nth: 3, when: 'task', kind: locked });
  const { uuid } = lab.diskOf(volume);
  await lab.driverWith({ vim }).restoreBackup(backup, volume, { manifest });
  expect(injected.fired).toBe(true);
  expect(lab.diskOf(volume).uuid).toBe(uuid);
  await lab.expectNothingLeft();
});

test('a volume that a half-made exchange left without a disk gets its own back once the lock on it has gone', async () => {
  await using other = await Lab.start({ simulator: { atomicReconfigure: false } });
  const { simulator } = other;
  const halved = await other.addVolume();
  await other.driver.backupVolume({ id: 'b', volumeId: halved.id }, halved);
  const { ref } = other.vmOf(halved);
  const before = other.diskOf(halved);
  let isHalved = false;
  let isBack = false;
  simulator.onCall(({ phase, call }) => {
    if (phase !== 'before' || call.method !== 'ReconfigVM_Task' || call.target.value !== ref.value) return;
    if (!isHalved) {
      isHalved = true;
      // The old disk goes, the new one does not come.
      simulator.lockFile(newDisk());
    } else if (!isBack && simulator.vm(ref.value)!.disks.length === 0) {
      isBack = true;
      simulator.unlockFile(newDisk());
      simulator.lockFile(before.path);
      setTimeout(() => {
        simulator.unlockFile(before.path);
      }, 100);
    }
  });
  const newDisk = () => simulator.files().find(({ kind, path }) => kind === 'disk' && path !== before.path)!.path;
  await refusal(() => other.driver.restoreBackup({ id: 'b', volumeId: halved.id }, halved));
  expect(isBack).toBe(true);
  expect(other.diskOf(halved)).toEqual(before);
  await other.expectNothingLeft();
});

test('a restore that is cancelled while a file is locked waits no longer, and removes the file once it can', async () => {
  const cancel = new AbortController();
  const before = await lab.contentOf(volume);
  lab.simulator.injectFault({ method: 'MoveVirtualDisk_Task', when: 'task', kind: locked });
  lab.simulator.injectFault({ method: 'DeleteVirtualDisk_Task', when: 'task', kind: locked });
  let moves = 0;
  lab.simulator.onCall(({ phase, call }) => {
    if (phase !== 'after' || call.method !== 'MoveVirtualDisk_Task') return;
    moves++;
    // Once it waits.
    setTimeout(() => {
      cancel.abort();
    }, 200);
  });
  const error = await refusal(() => lab.driver.restoreBackup(backup, volume, { manifest, signal: cancel.signal }));
  expect(error).toMatchObject({ code: 'ABORTED', cleanup: 'done' });
  expect(moves).toBe(1);
  expect(await lab.contentOf(volume)).toBe(before);
  expect(lab.callsOf('DeleteVirtualDisk_Task')).toBeGreaterThan(1);
  await lab.expectNothingLeft();
});
