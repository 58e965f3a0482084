import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import {
  eraseJournal,
  isTemporaryVm,
  readJournal,
  type RestoreJournal,
  temporaryVmName,
  writeJournal,
} from '../../src/journal/restore-journal.js';

const journal: RestoreJournal = {
  operation: randomUUID(),
  token: randomUUID(),
  owner: 'host:4711',
  startedAt: '2026-01-02T03:04:05.678Z',
  stamp: '2026-01-02T03:05:05.678Z',
  volumeId: 'volume',
  volumeName: 'volume-volume',
};
const replacement = {
  backing: 'vm-7',
  datacenter: 'datacenter-2',
  oldDisk: '[ds] volume/volume.vmdk',
  controllerKey: 1000,
  unitNumber: 0,
};
const move = { datastore: 'datastore-1', importedDisk: '[ds] t/t.vmdk', newDisk: '[ds] v/r.vmdk' };
const asExtraConfig = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).map(([key, value]) => ({ key, value }));

describe("a restore's journal in extraConfig", () => {
  test.each<[string, RestoreJournal]>([
    ['of a new volume', journal],
    ['before the disk is imported', { ...journal, replacement }],
    ['before the disk is moved', { ...journal, replacement: { ...replacement, move } }],
  ])('%s is read as it was written', (_what, written) => {
    expect(readJournal(asExtraConfig(writeJournal(written)))).toEqual(written);
  });

  test('all its keys are this library’s, and erasing it removes each of them', () => {
    const known = { diskMode: 'm', storageProfile: 'p', diskUuid: 'u', capacityBytes: 4096 };
    const full = { ...journal, replacement: { ...replacement, ...known, move } };
    expect(readJournal(asExtraConfig(writeJournal(full)))).toEqual(full);
    const keys = Object.keys(writeJournal(full));
    expect(keys.every((key) => key.startsWith('vmdk-driver.'))).toBe(true);
    expect(Object.keys(eraseJournal()).sort()).toEqual(keys.sort());
    expect(new Set(Object.values(eraseJournal()))).toEqual(new Set(['']));
  });

  test("somebody else's extraConfig is none, and neither is a journal with a part missing", () => {
    expect(readJournal(undefined)).toBeUndefined();
    expect(readJournal([{ key: 'cinder.volume.id', value: 'x' }])).toBeUndefined();
    const values = writeJournal({ ...journal, replacement });
    for (const key of Object.keys(values)) {
      const { [key]: _missing, ...rest } = values;
      const read = readJournal(asExtraConfig(rest));
      // Without its backing it would be a new volume's, were the rest not there: it must never be taken for one.
      // Version 0.1 wrote neither a token nor stamps.
      if (!['vmdk-driver.token', 'vmdk-driver.stamp'].includes(key)) expect(read).toBeUndefined();
    }
    expect(readJournal(asExtraConfig({ ...values, 'vmdk-driver.startedAt': 'yesterday' }))).toBeUndefined();
  });
});

describe("a temporary VM's name", () => {
  test('follows from the volume alone and fits vCenter', () => {
    const id = randomUUID();
    expect(temporaryVmName(id)).toBe(`vmdk-driver-restore-${id}`);
    for (const odd of ['a/b', '50%', 'x'.repeat(255), 'ä', 'a b']) {
      expect(temporaryVmName(odd)).toMatch(/^vmdk-driver-restore-[\w.-]{1,60}$/);
      expect(temporaryVmName(odd)).toBe(temporaryVmName(odd));
    }
    expect(temporaryVmName('a/b')).not.toBe(temporaryVmName('a_b'));
  });

  test('with a journal makes a VM temporary; a renamed one is the backing', () => {
    const config = asExtraConfig(writeJournal(journal));
    expect(isTemporaryVm(temporaryVmName('volume'), config)).toBe(true);
    expect(isTemporaryVm('volume-volume', config)).toBe(false);
    expect(isTemporaryVm(temporaryVmName('volume'), [])).toBe(false);
  });
});
