import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { waitForProperties } from '../../../src/vim/index.js';
import { runTask } from '../../../src/vim/run-task.js';
import { describePeer, exercised } from '../support/peer.js';
import { installVcsim, modes } from './vcsim.js';
import { VcsimLab } from './vcsim-lab.js';

await describePeer('vcsim', installVcsim, (peer) => {
  test.each(modes)('%s: 1,000 VMs are listed page by page, and cost nothing to find one among them', async (mode) => {
    // A vCenter's model has a cluster and a host of its own: two resource pools.
    await using lab = await VcsimLab.start(peer, { mode, vms: mode === 'vcenter' ? 500 : 1000 });
    expect(new Set(await lab.vmNames()).size).toBe(1000);
    const volume = { id: randomUUID(), size: 1 };
    const driver = lab.driver();
    const ref = await driver.createBacking(volume);
    const before = await lab.vcsim.requests();
    expect(await driver.createBacking(volume)).toEqual(ref);
    // Two searches, for the temporary VM of a restore and for the backing itself; two readings of the session, round the one that
    // finds nothing; and two of the backing.
    expect((await lab.vcsim.requests()).all - before.all).toBeLessThanOrEqual(6);
    exercised(peer, `${mode}: 1,000 VMs: paging, FindAllByUuid`, (await lab.vcsim.requests()).all);
  });

  test.each(modes)('%s: changes arrive by WaitForUpdatesEx', async (mode) => {
    await using lab = await VcsimLab.start(peer, { mode });
    const ref = await lab.driver().createBacking({ id: randomUUID(), size: 1 });
    const names: string[] = [];
    for (let round = 0; round < 20; round++) {
      const newName = `name ${round}`;
      const seen = waitForProperties(lab.vim, ref, 'VirtualMachine', ['name'], ({ name }) =>
        name === newName ? name : undefined,
      );
      await runTask(lab.vim, 'Rename_Task', ref, { newName });
      names.push(await seen);
    }
    expect(names).toEqual(Array.from({ length: 20 }, (_, round) => `name ${round}`));

    const cancelled = new AbortController();
    const waiting = waitForProperties(lab.vim, ref, 'VirtualMachine', ['name'], () => undefined, {
      signal: cancelled.signal,
    });
    cancelled.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    exercised(peer, `${mode}: CreateFilter, WaitForUpdatesEx, tasks`, (await lab.vcsim.requests()).all);
  });
});
