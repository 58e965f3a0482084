import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import type { SimulatorOptions } from '../../src/simulator/index.js';
import { bytesPerGiB, Lab } from '../driver/support/lab.js';

/** Calls whose number follows from how long things take, not from what is asked. */
const timeDependent = new Set(['WaitForUpdatesEx', 'HttpNfcLeaseProgress', 'SessionIsActive']);

/** 3 datacenters, 8 datastores, 12 hosts. */
const topology: SimulatorOptions = {
  datacenters: [0, 1, 2].map((dc) => ({
    name: `DC${dc}`,
    clusters: [0, 1].map((c) => ({ name: `C${dc}${c}`, hosts: [0, 1].map((h) => ({ name: `h${dc}${c}${h}` })) })),
    datastores: (dc === 2 ? [0, 1] : [0, 1, 2]).map((d) => ({ name: `ds${dc}${d}` })),
  })),
};

type Counts = Record<string, number>;

async function callsPerOperation(otherVms: number): Promise<Record<string, Counts>> {
  await using lab = await Lab.start({ simulator: topology });
  for (let i = 0; i < otherVms; i++) {
    await lab.simulator.addVm({ name: `other-${i}`, disk: { capacityBytes: bytesPerGiB }, datacenter: `DC${i % 3}` });
  }
  const volume = await lab.addVolume();
  const backup = { id: 'b', volumeId: volume.id };
  const counts: Record<string, Counts> = {};
  const count = async <T>(operation: string, work: () => Promise<T>): Promise<T> => {
    const before = lab.simulator.calls().length;
    const result = await work();
    const byMethod: Counts = {};
    for (const { method } of lab.simulator.calls().slice(before)) {
      if (!timeDependent.has(method)) byMethod[method] = (byMethod[method] ?? 0) + 1;
    }
    counts[operation] = byMethod;
    return result;
  };
  const manifest = await count('backup', () => lab.driver.backupVolume(backup, volume));
  await count('backup of a volume without backing', () =>
    lab.driver.backupVolume({ id: 'c', volumeId: 'x' }, { id: 'x', size: 1, projectId: 'p' }),
  );
  await count('restore over an existing backing', () => lab.driver.restoreBackup(backup, volume, { manifest }));
  const copy = { id: randomUUID(), size: 1, projectId: 'p' };
  await count('restore to a new volume', () => lab.driver.restoreBackup(backup, copy, { manifest }));
  expect(lab.simulator.leftovers()).toEqual([]);
  return counts;
}

function rowOf(operation: string, counts: Counts): string {
  const methods = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
  const total = methods.reduce((sum, [, count]) => sum + count, 0);
  return `- ${operation}: **${total}** calls: ${methods.map(([method, count]) => `${count} ${method}`).join(', ')}`;
}

describe('an inventory of 10,000 VMs', () => {
  test('costs no call more than one of ten, but for the pages of who else refers to a disk', async () => {
    const small = await callsPerOperation(10);
    const large = await callsPerOperation(10_000);

    const { 'restore over an existing backing': replaced, ...others } = large;
    const { 'restore over an existing backing': replacedOfFew, ...othersOfFew } = small;
    expect(others).toEqual(othersOfFew);
    // Who else refers to the disk is asked of all VMs of its datastore, in pages: at the beginning, before the exchange, before
    // the old disk goes.
    const pages = Math.ceil(10_000 / 3 / 500) * 3;
    const { RetrievePropertiesEx: reads = 0, ...rest } = replaced ?? {};
    const { RetrievePropertiesEx: readsOfFew = 0, ...restOfFew } = replacedOfFew ?? {};
    expect(rest).toEqual(restOfFew);
    expect(reads).toBeLessThanOrEqual(readsOfFew + pages);
    // What the documentation says is what was counted.
    const documentation = await readFile('docs/vsphere-calls.md', 'utf8');
    const rows = Object.entries(small).map(([operation, counts]) => rowOf(operation, counts));
    expect(rows.filter((row) => !documentation.includes(row))).toEqual([]);
  });
});
