import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { VmdkDriverError } from '../../src/errors/index.js';
import { Lab } from '../driver/support/lab.js';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.start();
});
afterEach(() => lab[Symbol.asyncDispose]());

/** Two datastores change names: what was at a path is at another one, and at that path there is nothing. */
function swapNames(): void {
  const { administrator } = lab.simulator;
  administrator.renameDatastore('datastore1', 'a');
  administrator.renameDatastore('datastore2', 'datastore1');
  administrator.renameDatastore('a', 'datastore2');
}

test.each([
  ['the imported disk is deleted', 'DeleteVirtualDisk_Task', 1, 'undone'],
  ['the moved disk is deleted', 'DeleteVirtualDisk_Task', 2, 'undone'],
  ['the old disk is attached to go with the temporary VM', 'ReconfigVM_Task', 3, 'completed'],
] as const)(
  'a file that is not at its path is not taken for gone: datastores renamed before %s',
  async (_, method, nth, outcome) => {
    const volume = await lab.addVolume();
    const backup = { id: randomUUID(), volumeId: volume.id };
    await lab.driver.backupVolume(backup, volume);
    if (outcome === 'undone') {
      lab.simulator.injectFault({ method: 'ReconfigVM_Task', nth: 2, kind: { fault: 'SystemError' } });
    }
    let left: number = nth;
    const stop = lab.simulator.onCall(({ phase, call }) => {
      if (phase === 'before' && call.method === method && --left === 0) swapNames();
    });
    const result: unknown = await lab.driver.restoreBackup(backup, volume).catch((error: unknown) => error);
    stop();
    expect(left).toBeLessThanOrEqual(0);
    expect(result).toMatchObject({ cleanup: 'pending' });
    expect(result instanceof VmdkDriverError).toBe(outcome === 'undone');

    expect((await lab.driver.recover({ olderThanMs: 0 })).restores).toMatchObject([{ volumeId: volume.id, outcome }]);
    expect(lab.simulator.leftovers()).toEqual([]);
    expect(lab.diskOf(volume).missing).toBe(false);
  },
);
