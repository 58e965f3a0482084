import { expect, it } from '@jest/globals';
import { openLab } from './support/lab.js';
import { leaseReady } from './support/nfc-client.js';
import { textAt } from './support/xml-node.js';

const HOUR = 3_600_000;

it('tells its own time, which a test moves on', async () => {
  await using lab = await openLab({ clockAheadMs: -5 * HOUR, sessionIdleMs: 1000 * HOUR });
  const { client, simulator } = lab;
  const current = async () => {
    const reply = await client.call('CurrentTime', { type: 'ServiceInstance', value: 'ServiceInstance' });
    return Date.parse(textAt(reply, 'returnval')!);
  };
  const behind = Date.now() - (await current());
  expect(behind).toBeGreaterThan(4 * HOUR);
  simulator.advanceTime(5 * HOUR);
  expect(Date.now() - (await current())).toBeLessThan(HOUR);
  const vm = await lab.createVm();
  simulator.advanceTime(48 * HOUR);
  const info = await client.taskEnd(await client.callForRef('Rename_Task', vm, '<newName>b</newName>'));
  for (const time of ['queueTime', 'startTime', 'completeTime']) {
    expect(Date.parse(textAt(info, time)!) - Date.now()).toBeGreaterThan(47 * HOUR);
  }
  expect(simulator.now() - Date.now()).toBeGreaterThan(47 * HOUR);
});

it('ends leases that nobody kept alive, and only those', async () => {
  await using lab = await openLab();
  const { client, simulator } = lab;
  const first = await client.callForRef('ExportVm', await lab.createVm());
  await leaseReady(client, first);
  const second = await client.callForRef('ExportVm', (await simulator.addVm({ name: 'b' })).ref);
  await leaseReady(client, second);
  simulator.advanceTime(200_000);
  await client.call('HttpNfcLeaseProgress', second, '<percent>10</percent>');
  simulator.advanceTime(200_000);
  expect(simulator.leases().map(({ state, error }) => [state, error])).toEqual([
    ['error', 'Timedout'],
    ['ready', undefined],
  ]);
  simulator.advanceTime(20_000);
  await expect(client.property(first, 'state')).rejects.toMatchObject({ type: 'ManagedObjectNotFound' });
});

it('ends sessions that are idle for too long', async () => {
  await using lab = await openLab();
  lab.simulator.advanceTime(29 * 60_000);
  await lab.client.property(lab.vmFolder, 'name');
  lab.simulator.advanceTime(29 * 60_000);
  await lab.client.property(lab.vmFolder, 'name');
  lab.simulator.advanceTime(31 * 60_000);
  await expect(lab.client.property(lab.vmFolder, 'name')).rejects.toMatchObject({ type: 'NotAuthenticated' });
});
