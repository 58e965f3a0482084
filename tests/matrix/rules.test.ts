import { afterAll, describe, expect, test } from '@jest/globals';
import { VmdkDriverError, type Volume } from '../../src/index.js';
import { temporaryVmName, temporaryVmUuid } from '../../src/journal/restore-journal.js';
import type { CallPhase } from '../../src/simulator/index.js';
import { runTask } from '../../src/vim/run-task.js';
import { Lab, someContent } from '../driver/support/lab.js';
import { VictimPool } from './victim-pool.js';
import { removeVictimProgram } from './victim-program.js';

async function codeOf(operation: Promise<unknown>): Promise<string> {
  const error: unknown = await operation.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof VmdkDriverError ? error.code : String(error);
}

/** A volume with a backup, and other content since. */
async function backedUp(lab: Lab) {
  const volume = await lab.addVolume();
  const backup = { id: `backup-${volume.id}`, volumeId: volume.id };
  const manifest = await lab.driver.backupVolume(backup, volume);
  const backedUpContent = await lab.contentOf(volume);
  await lab.simulator.writeDisk(lab.diskOf(volume).path, someContent());
  return { volume, backup, manifest, backedUpContent, content: await lab.contentOf(volume) };
}

/** Holds the work at a call until it is let go. */
function holdAt(lab: Lab, method: string, nth = 1, at: CallPhase = 'before') {
  let arrive = (): void => {};
  let letGo = (): void => {};
  const reached = new Promise<void>((resolve) => (arrive = resolve));
  const held = new Promise<void>((resolve) => (letGo = resolve));
  let left = nth;
  const stop = lab.simulator.onCall(async ({ phase, call }) => {
    if (phase !== at || call.method !== method || --left !== 0) return;
    stop();
    arrive();
    await held;
  });
  return { reached, letGo };
}

describe('of several operations', () => {
  test('the second one on a volume is refused, one on another volume is not', async () => {
    await using lab = await Lab.start();
    const { volume, backup, manifest } = await backedUp(lab);
    const other = await lab.addVolume();
    const hold = holdAt(lab, 'ImportVApp');
    const restore = lab.driver.restoreBackup(backup, volume, { manifest });
    await hold.reached;

    const again = { id: 'again', volumeId: volume.id };
    expect(await codeOf(lab.driver.backupVolume(again, volume))).toBe('VOLUME_BUSY');
    expect(await codeOf(lab.driverWith({}).restoreBackup(backup, volume, { manifest }))).toBe('VOLUME_BUSY');
    await lab.driver.backupVolume({ id: 'other', volumeId: other.id }, other);

    hold.letGo();
    expect(await restore).toMatchObject({ cleanup: 'done' });
  });

  test('the end of a restore waits for nobody else: not for a lease that lasts, nor for a task that runs', async () => {
    await using lab = await Lab.start({ simulator: { leaseTimeoutSeconds: 300 } });
    const { volume, backup, manifest } = await backedUp(lab);
    const other = await lab.addVolume();
    await lab.vim.invoke('ExportVm', lab.vmOf(other).ref, {});

    // Would take the lease's 300 seconds.
    expect(await lab.driver.restoreBackup(backup, volume, { manifest })).toMatchObject({ cleanup: 'done' });
  });
});

const victims = new VictimPool();

afterAll(async () => {
  victims[Symbol.dispose]();
  await removeVictimProgram();
});

/** A restore in another process. */
async function elsewhere(lab: Lab, { volume, backup, manifest }: Awaited<ReturnType<typeof backedUp>>) {
  const victim = await victims.take();
  const { host, port, username, password, thumbprint } = lab.simulator;
  const address = { host, port, username, password, thumbprint, directory: lab.directory, tmpDir: lab.tmpDir };
  const work = 'restore to existing';
  const ended = victim.work({ address, transfer: 'file', work, backup, volume, manifest });
  return { victim, ended };
}

/** A restore whose process died when the imported disk had been moved to the volume's folder. */
async function diedAfterMove(lab: Lab, subject: Awaited<ReturnType<typeof backedUp>>): Promise<void> {
  const hold = holdAt(lab, 'MoveVirtualDisk_Task', 1, 'after');
  const { victim } = await elsewhere(lab, subject);
  await hold.reached;
  await victim.kill();
  hold.letGo();
}

describe('with another process', () => {
  test('a living restore is respected: operations on its volume are refused, recover() leaves it alone', async () => {
    await using lab = await Lab.start();
    const subject = await backedUp(lab);
    const hold = holdAt(lab, 'MoveVirtualDisk_Task');
    const { ended } = await elsewhere(lab, subject);
    await hold.reached;

    const { volume, backup, manifest } = subject;
    expect(await codeOf(lab.driver.restoreBackup(backup, volume, { manifest }))).toBe('VOLUME_BUSY');
    expect(await codeOf(lab.driver.backupVolume({ id: 'again', volumeId: volume.id }, volume))).toBe('VOLUME_BUSY');
    const report = await lab.driver.recover({ olderThanMs: 0 });
    expect(report.restores).toMatchObject([{ volumeId: volume.id, outcome: 'running' }]);

    hold.letGo();
    expect(await ended).toBe('survived');
    expect(await lab.contentOf(volume)).toBe(subject.backedUpContent);
    expect(lab.simulator.leftovers()).toEqual([]);
  });

  test('one whose process is known to be dead is ended at once, however young; its temporary file goes too', async () => {
    await using lab = await Lab.start();
    const subject = await backedUp(lab);
    await diedAfterMove(lab, subject);

    const dead = await lab.driver.recover();
    expect(dead).toMatchObject({ restores: [{ outcome: 'undone', volumeId: subject.volume.id }] });
    expect(dead.temporaryFiles).toHaveLength(1);

    expect(await lab.contentOf(subject.volume)).toBe(subject.content);
    expect(lab.simulator.leftovers()).toEqual([]);
    expect(await lab.driver.recover({ olderThanMs: 0 })).toEqual({ restores: [], temporaryFiles: [] });
  });
});

describe('recovery', () => {
  test('touches nothing of anyone else: neither VMs that look like its own, nor files', async () => {
    await using lab = await Lab.start();
    const { volume } = await backedUp(lab);
    // The name of a temporary VM, but no journal; and a journal nobody understands.
    await lab.simulator.addVm({ name: temporaryVmName(volume.id), disk: { capacityBytes: 1024 ** 3 } });
    const stranger = await lab.simulator.addVm({
      name: 'stranger',
      disk: { capacityBytes: 1024 ** 3 },
      extraConfig: { 'vmdk-driver.operation': 'of a later version' },
    });
    await runTask(lab.vim, 'ReconfigVM_Task', stranger.ref, { spec: { uuid: temporaryVmUuid } });
    const before = await lab.everything();

    expect(await lab.driver.recover({ olderThanMs: 0 })).toEqual({ restores: [], temporaryFiles: [] });
    expect(await lab.everything()).toEqual(before);
  });

  test('changes nothing where somebody else attached another disk meanwhile', async () => {
    await using lab = await Lab.start();
    const subject = await backedUp(lab);
    await diedAfterMove(lab, subject);
    await attachAnother(lab, subject.volume);
    const before = await lab.everything();

    const { restores } = await lab.driver.recover({ olderThanMs: 0 });
    expect(restores).toMatchObject([{ outcome: 'failed', error: { code: 'RESTORE_FAILED' } }]);
    expect(await lab.everything()).toEqual(before);
  });

  test('puts the old disk back where a server took it away and did not attach the new one', async () => {
    await using lab = await Lab.start({ simulator: { atomicReconfigure: false } });
    const { volume, backup, manifest, content } = await backedUp(lab);
    const before = lab.diskOf(volume);
    const hold = holdAt(lab, 'ReconfigVM_Task', 2);
    const restore = codeOf(lab.driver.restoreBackup(backup, volume, { manifest }));
    await hold.reached;
    const added = lab.simulator.files().find(({ path }) => path.includes('-restored-'))?.path ?? '';
    lab.simulator.lockFile(added);
    // Until the old disk is back: a lock would be waited for, and what is to fail is left to recovery all the same.
    let wasAway = false;
    const end = lab.simulator.onCall(() => {
      const [disk] = lab.vmOf(volume).disks;
      wasAway ||= disk === undefined;
      if (!wasAway || disk === undefined) return;
      end();
      lab.simulator.unlockFile(added);
    });
    const left = lab.simulator.injectFault({ method: 'Destroy_Task', kind: { fault: 'SystemError' } });
    hold.letGo();

    expect(await restore).not.toBe('undefined');
    expect(lab.diskOf(volume)).toEqual(before);
    expect(await lab.contentOf(volume)).toBe(content);
    expect(left.fired).toBe(true);
    await lab.driver.recover({ olderThanMs: 0 });
    expect(lab.diskOf(volume)).toEqual(before);
    expect(lab.simulator.leftovers()).toEqual([]);
  });

  async function attachAnother(lab: Lab, volume: Volume): Promise<void> {
    const { ref, disks } = lab.vmOf(volume);
    const device = {
      _type: 'VirtualDisk',
      key: -1,
      backing: { _type: 'VirtualDiskFlatVer2BackingInfo', fileName: '', diskMode: 'persistent', thinProvisioned: true },
      controllerKey: disks[0]?.controllerKey ?? 0,
      unitNumber: 9,
      capacityInKB: 1024,
    } as const;
    const deviceChange = [{ operation: 'add', fileOperation: 'create', device }];
    await runTask(lab.vim, 'ReconfigVM_Task', ref, { spec: { deviceChange } });
  }
});
