import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { InvalidInputError, VimFault } from '../../../src/index.js';
import { refusal } from '../../driver/support/lab.js';
import { describePeer, exercised } from '../support/peer.js';
import { installVcsim } from './vcsim.js';
import { VcsimLab } from './vcsim-lab.js';

const volumeWith = (policy: string) => ({
  id: randomUUID(),
  size: 1,
  volumeType: { extraSpecs: { 'vmware:storage_profile': policy } },
});

await describePeer('vcsim', installVcsim, (peer) => {
  test('vcenter: storage policies are looked up by name in a service of their own', async () => {
    await using lab = await VcsimLab.start(peer, { mode: 'vcenter' });
    const driver = lab.driver();
    expect(await refusal(() => driver.createBacking(volumeWith('no such policy')))).toBeInstanceOf(InvalidInputError);
    const before = await lab.vmNames();
    // It has the policy, and not the method that tells which datastores comply.
    const unanswered = await refusal(() => driver.createBacking(volumeWith('vSAN Default Storage Policy')));
    expect(unanswered).toBeInstanceOf(VimFault);
    expect(unanswered).toMatchObject({ faultName: 'MethodNotFound', method: 'PbmQueryMatchingHub' });
    expect(await lab.vmNames()).toEqual(before);

    await lab.vcsim.endSessions();
    expect(await refusal(() => driver.createBacking(volumeWith('no such policy')))).toBeInstanceOf(InvalidInputError);
    const { policy, all } = await lab.vcsim.requests();
    expect(policy).toBeGreaterThanOrEqual(4);
    exercised(peer, 'vcenter: storage policies (PBM)', all);
  });
});
