import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Backup, BackupManifest, TransferSlots, Volume } from '../../src/index.js';
import { readProperties } from '../../src/vim/property-collector.js';
import { Lab, refusal } from './support/lab.js';

let lab: Lab;
let volume: Volume;
let backup: Backup;
let manifest: BackupManifest;

beforeAll(async () => {
  const hosts = [{ name: 'h1' }, { name: 'h2' }, { name: 'h3' }];
  lab = await Lab.start({
    simulator: {
      datacenters: [{ name: 'DC', clusters: [{ name: 'C', hosts }], datastores: [{ name: 'ds' }] }],
    },
  });
  volume = await lab.addVolume();
  backup = { id: 'good', volumeId: volume.id };
  manifest = await lab.driver.backupVolume(backup, volume);
});
afterAll(() => lab[Symbol.asyncDispose]());

/** Slots that note what was asked of the server while they were held, and for which host. */
class NotingSlots implements TransferSlots {
  readonly hosts: string[] = [];
  /** Methods called while the slot was held. */
  during: string[] = [];
  /** Methods called before it was taken. */
  before: string[] = [];
  readonly #from = lab.simulator.callCount;

  async take(host: string): Promise<Disposable> {
    this.hosts.push(host);
    const taken = lab.simulator.callCount;
    this.before = this.#methods(this.#from, taken);
    return {
      [Symbol.dispose]: () => {
        this.during = this.#methods(taken, lab.simulator.callCount);
      },
    };
  }

  #methods(from: number, to: number): string[] {
    const calls = lab.simulator.calls();
    const first = lab.simulator.callCount - calls.length;
    return calls.slice(from - first, to - first).map(({ method }) => method);
  }
}

describe.each(['stream', 'file'] as const)('config.transferSlots, by %s', (transfer) => {
  test("a backup has a slot of its VM's host from before the lease to its end", async () => {
    const slots = new NotingSlots();
    const driver = lab.driverWith({ config: { transfer, transferSlots: slots } });
    await driver.backupVolume({ id: randomUUID(), volumeId: volume.id }, volume);
    const { ref } = lab.vmOf(volume);
    const { 'runtime.host': host } = await readProperties(lab.vim, ref, 'VirtualMachine', ['runtime.host']);
    expect(slots.hosts).toEqual([host?.value]);
    expect(slots.during[0]).toBe('ExportVm');
    expect(slots.during).toContain('HttpNfcLeaseComplete');
  });

  test.each(['over an existing volume', 'to a new one'])(
    'a restore %s has one of the host the import names',
    async (how) => {
      const into = how === 'to a new one' ? { id: randomUUID(), size: 1 } : volume;
      const slots = new NotingSlots();
      const driver = lab.driverWith({ config: { transfer, transferSlots: slots } });
      await driver.restoreBackup(backup, into, { manifest });
      const args = lab.simulator.calls().findLast(({ method }) => method === 'ImportVApp')?.args;
      expect(slots.hosts).toEqual([(args?.['host'] as { value: string }).value]);
      expect(slots.before).not.toContain('ImportVApp');
      // The stamp is a sign of life, and must not be as old as the wait was long.
      expect(slots.during.slice(0, 2)).toEqual(['CurrentTime', 'ImportVApp']);
      expect(slots.during).toContain('HttpNfcLeaseComplete');
    },
  );

  test('that give no slot end an operation before it has a lease, and nothing is left', async () => {
    const imports = lab.callsOf('ImportVApp');
    const exports = lab.callsOf('ExportVm');
    const transferSlots: TransferSlots = { take: () => Promise.reject(new Error('no Redis')) };
    const driver = lab.driverWith({ config: { transfer, transferSlots } });
    for (const operate of [
      () => driver.backupVolume({ id: randomUUID(), volumeId: volume.id }, volume),
      () => driver.restoreBackup(backup, volume, { manifest }),
    ]) {
      expect(await lab.refusedUnchanged(operate)).toMatchObject({ code: 'TRANSFER_FAILED', retryable: true });
    }
    expect([lab.callsOf('ImportVApp'), lab.callsOf('ExportVm')]).toEqual([imports, exports]);
  });

  test('a backup that fails gives its slot back', async () => {
    let held = 0;
    const transferSlots: TransferSlots = {
      async take() {
        held++;
        return { [Symbol.dispose]: () => held-- };
      },
    };
    const driver = lab.driverWith({ config: { transfer, transferSlots } });
    lab.simulator.injectTransferFault({ direction: 'export', kind: 'reset', atByte: 1000 });
    await refusal(() => driver.backupVolume({ id: randomUUID(), volumeId: volume.id }, volume));
    expect(held).toBe(0);
  });
});

test.each([null, {}, { take: 1 }])('config.transferSlots %j is refused', async (transferSlots) => {
  const config = { transferSlots: transferSlots as unknown as TransferSlots };
  expect(() => lab.driverWith({ config })).toThrow('transferSlots');
});
