import { expect, test } from '@jest/globals';
import { Clock } from '../../src/simulator/clock.js';
import { resolveOptions } from '../../src/simulator/options.js';
import { Sessions } from '../../src/simulator/sessions.js';
import { openLab } from './support/lab.js';

// What 100,000 calls come to, `npm run bench:simulator` measures.
test('a simulator that runs for days remembers so many calls, tasks, leases and VMs, and no more', async () => {
  await using lab = await openLab({ rememberedCalls: 100 });
  const { simulator, client } = lab;
  await simulator.addVm({ name: 'exported', disk: { capacityBytes: 1024 * 1024 } });
  const vm = simulator.vm('exported')!.ref;
  for (let n = 0; n < 1_100; n++) {
    const lease = await client.callForRef('ExportVm', vm);
    await client.call('HttpNfcLeaseAbort', lease);
  }
  expect(simulator.calls()).toHaveLength(100);
  // The last thousand that ended, and what is under way.
  expect(simulator.tasks().length).toBeLessThanOrEqual(1_001);
  expect(simulator.leases().length).toBeLessThanOrEqual(1_001);
  expect(simulator.vms()).toHaveLength(1);
});

test('sessions of clients that went away without a word end, though nobody asks for them', () => {
  const clock = new Clock(0);
  const sessions = new Sessions(resolveOptions({ sessionIdleMs: 30 * 60_000 }), clock);
  const client = { userName: 'u', userAgent: 'a', ipAddress: '127.0.0.1', locale: 'en' };
  const gone = sessions.open(client);
  clock.advance(31 * 60_000);
  sessions.open(client);
  expect(gone.ended.aborted).toBe(true);
});
