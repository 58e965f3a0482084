import { expect, it } from '@jest/globals';
import { CallLog } from '../../src/simulator/call-log.js';
import { Clock } from '../../src/simulator/clock.js';
import { openLab } from './support/lab.js';

const target = { type: 'VirtualMachine', value: 'vm-1' };

it('remembers the latest calls only, and counts them all', async () => {
  await using lab = await openLab({ rememberedCalls: 5 });
  const before = lab.simulator.callCount;
  for (let n = 0; n < 20; n++) await lab.client.property(lab.vmFolder, 'name');
  expect(lab.simulator.callCount).toBe(before + 20);
  const calls = lab.simulator.calls();
  expect(calls.map(({ index }) => index)).toEqual([15, 16, 17, 18, 19].map((n) => before + n));
});

it('remembers fewer where they are long: memory does not grow', () => {
  const log = new CallLog(new Clock(0), 10_000);
  for (let n = 0; n < 1000; n++) log.reply(log.begin('RetrievePropertiesEx', target, 1000), 2 ** 20);
  expect(log.records.length).toBeLessThanOrEqual(16);
  expect(log.records.at(-1)!.index).toBe(999);
  expect(log.count).toBe(1000);
});
