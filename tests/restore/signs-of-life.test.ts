import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { OwnerInfo, Volume, VolumeBusyError } from '../../src/index.js';
import { isTemporaryVmName } from '../../src/journal/operation-names.js';
import { temporaryVmName, temporaryVmUuid, writeJournal } from '../../src/journal/restore-journal.js';
import { silentLogger } from '../../src/logger.js';
import { Ownership } from '../../src/restore/ownership.js';
import { type SignsOfLife, signsOfLife } from '../../src/restore/signs-of-life.js';
import { takeOver } from '../../src/restore/take-over.js';
import { type JournalledVm, readTemporaryVm } from '../../src/restore/temporary-vm.js';
import type { VmInfo } from '../../src/simulator/index.js';
import type { MoRef } from '../../src/vim/index.js';
import { Lab, refusal } from '../driver/support/lab.js';
import { PassingTime } from '../support/passing-time.js';
import { until } from '../support/until.js';

const minute = 60_000;
const owner = 'elsewhere.example:4242:0:0123456789abcdef';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.start();
});
afterEach(() => lab[Symbol.asyncDispose]());

/** A restore by a process on another machine, which gave a sign of life so long ago. */
async function restoreElsewhere(agoMs: number, by = owner): Promise<{ volume: Volume; vm: VmInfo; token: string }> {
  const volume = { id: randomUUID(), size: 1 };
  const token = randomUUID();
  const vm = await lab.simulator.addVm({
    name: temporaryVmName(volume.id),
    uuid: temporaryVmUuid,
    extraConfig: writeJournal({
      operation: randomUUID(),
      token,
      owner: by,
      // Days ago: that says nothing.
      startedAt: new Date(now() - 72 * 60 * minute).toISOString(),
      stamp: new Date(now() - agoMs).toISOString(),
      volumeId: volume.id,
      volumeName: `volume-${volume.id}`,
    }),
  });
  return { volume, vm, token };
}

/** The server's clock. */
const now = (): number => lab.simulator.now();
const stampOf = ({ ref }: VmInfo): number =>
  Date.parse(String(lab.simulator.vm(ref.value)?.extraConfig['vmdk-driver.stamp']));
const agesMs = (vm: VmInfo): number => now() - stampOf(vm);

describe('an owner shows every minute that it lives, by the server’s clock', () => {
  test('for as long as it owns the restore, and no longer', async () => {
    using time = new PassingTime();
    const { vm, token } = await restoreElsewhere(10 * minute);
    const ownership = new Ownership(lab.vim, vm.ref, token, silentLogger);
    {
      await using _alive = ownership.keepAlive();
      for (let n = 0; n < 3; n++) {
        lab.simulator.advanceTime(10 * minute);
        time.pass(minute);
        await until(() => agesMs(vm) < minute);
        // Once this has had its turn, the last sign has come to its end.
        await ownership.change({ spec: () => ({}), isMade: () => true });
      }
    }
    lab.simulator.advanceTime(10 * minute);
    time.pass(5 * minute);
    await lab.vim.invoke('CurrentTime', { type: 'ServiceInstance', value: 'ServiceInstance' }, {});
    expect(agesMs(vm)).toBeGreaterThan(9 * minute);
  });

  test('not where somebody else took it over: its stamps are that one’s', async () => {
    using time = new PassingTime();
    const { vm, token } = await restoreElsewhere(10 * minute);
    const ownership = new Ownership(lab.vim, vm.ref, token, silentLogger);
    await using _alive = ownership.keepAlive();
    await lab.simulator.administrator.changeVm(vm.ref.value, { extraConfig: { 'vmdk-driver.token': randomUUID() } });
    const reads = lab.callsOf('RetrievePropertiesEx');
    time.pass(minute);
    await until(() => lab.callsOf('RetrievePropertiesEx') > reads);
    await ownership.read().catch(() => undefined);
    expect(agesMs(vm)).toBeGreaterThan(9 * minute);
    expect(lab.callsOf('ReconfigVM_Task')).toBe(0);
  });
});

describe('where the server shows an import on the resource pool, and it took long', () => {
  const zeroed = { volumeType: { extraSpecs: { 'vmware:vmdk_type': 'eagerZeroedThick' } } };
  test.each<[string, string, (volume: Volume) => Volume]>([
    ['over a backing', 'MoveVirtualDisk_Task', (volume) => volume],
    [
      'to a new volume, whose disk is extended with zeros',
      'ExtendVirtualDisk_Task',
      () => ({ id: randomUUID(), size: 2, ...zeroed }),
    ],
  ])('its restore shows that it lives before what takes long after it: %s', async (_what, method, target) => {
    const simulator = { leaseTimeoutSeconds: 7200, quirks: { importTaskOn: 'resourcePool' } } as const;
    await using patient = await Lab.start({ simulator });
    const volume = await patient.addVolume();
    const backup = { id: randomUUID(), volumeId: volume.id };
    const manifest = await patient.driver.backupVolume(backup, volume);
    const temporary = (): MoRef => patient.simulator.vms().find(({ name }) => isTemporaryVmName(name))!.ref;
    const seen: unknown[] = [];
    const end = patient.simulator.onCall(async ({ phase, call }) => {
      if (phase !== 'before') return;
      if (call.method === 'HttpNfcLeaseComplete' && seen.length === 0) {
        patient.simulator.advanceTime(20 * minute);
        // Nobody takes it while the lease is open, however dead it looks.
        seen.push(await takeOver(patient.vim, temporary(), { token: randomUUID() }));
      } else if (call.method === method) {
        end();
        const vm = await readTemporaryVm(patient.vim, temporary());
        seen.push(await signsOfLife(patient.vim, vm as JournalledVm));
      }
    });
    await patient.driver.restoreBackup(backup, target(volume), { manifest });
    const [duringImport, after] = seen;
    expect(duringImport).toEqual({ claim: 'leased' });
    expect((after as SignsOfLife).lastSeenMs).toBeLessThan(10 * minute);
    await patient.expectNothingLeft();
  });
});

describe('recovery takes a restore for dead', () => {
  test.each([
    [14, 'running'],
    [16, 'undone'],
  ])('whose last sign of life is %d minutes old, by default: %s', async (minutes, outcome) => {
    await restoreElsewhere(minutes * minute);
    expect(await lab.driver.recover()).toMatchObject({ restores: [{ outcome }] });
  });

  test('never before its application says so, and as soon as it does', async () => {
    const asked: OwnerInfo[] = [];
    const answering = (answer: boolean | undefined | Promise<boolean | undefined>) => (info: OwnerInfo) => {
      asked.push(info);
      return answer;
    };
    const { volume, vm } = await restoreElsewhere(60 * minute);
    const startedAt = vm.extraConfig['vmdk-driver.startedAt'];
    for (const answer of [true, Promise.resolve(true)]) {
      const { restores } = await lab.driver.recover({ olderThanMs: 0, isAlive: answering(answer) });
      expect(restores).toMatchObject([{ volumeId: volume.id, owner, outcome: 'running' }]);
    }
    expect(asked).toEqual(Array(2).fill({ id: owner, host: 'elsewhere.example', pid: 4242, startedAt }));

    const { vm: young } = await restoreElsewhere(0);
    const { restores } = await lab.driver.recover({
      isAlive: ({ startedAt: at }) => (at === young.extraConfig['vmdk-driver.startedAt'] ? false : true),
    });
    expect(restores.map(({ outcome }) => outcome).sort()).toEqual(['running', 'undone']);
    expect(lab.simulator.vm(young.ref.value)).toBeUndefined();
  });

  test.each([
    ['leaves it open', () => undefined],
    [
      'fails',
      () => {
        throw new Error('the list of workers is not there');
      },
    ],
    ['rejects', () => Promise.reject(new Error('the list of workers is not there'))],
    ['answers nonsense', () => 'yes' as never],
  ])('by the signs of life where the application %s', async (_, isAlive) => {
    await restoreElsewhere(14 * minute);
    expect(await lab.driver.recover({ isAlive })).toMatchObject({ restores: [{ outcome: 'running' }] });
    lab.simulator.advanceTime(2 * minute);
    expect(await lab.driver.recover({ isAlive })).toMatchObject({ restores: [{ outcome: 'undone' }] });
  });
});

describe('a volume that is being restored is busy: who does it, since when, and when to try again', () => {
  test.each([
    ['one that was seen a while ago', 4, 11 * minute, /last seen 24\d s ago; try again later, or call recover\(\)/],
    ['one that is dead by all signs', 16, 0, /its process is dead: call recover\(\)/],
  ])('%s', async (_, minutesAgo, retryAfterMs, advice) => {
    const { volume, vm } = await restoreElsewhere(minutesAgo * minute);
    const error = (await refusal(() => lab.driver.extendVolume(volume, 2))) as VolumeBusyError;
    expect(error).toMatchObject({ code: 'VOLUME_BUSY', retryable: true });
    expect(error.message).toContain(owner);
    expect(error.message).toContain(vm.extraConfig['vmdk-driver.startedAt']);
    expect(error.message).toMatch(advice);
    expect(error.retryAfterMs).toBeLessThanOrEqual(retryAfterMs);
    expect(error.retryAfterMs).toBeGreaterThanOrEqual(retryAfterMs && retryAfterMs - minute);
  });

  test('one whose import holds a lease: when that is over', async () => {
    const { volume, vm } = await restoreElsewhere(60 * minute);
    await lab.vim.invoke('ExportVm', vm.ref, {});
    const error = await refusal(() => lab.driver.extendVolume(volume, 2));
    expect(error).toMatchObject({ code: 'VOLUME_BUSY', retryable: true, retryAfterMs: 5 * minute });
    expect(error.message).toMatch(/holds a lease/);
    expect(await lab.driver.recover({ olderThanMs: 0 })).toMatchObject({ restores: [{ outcome: 'running' }] });
  });
});
