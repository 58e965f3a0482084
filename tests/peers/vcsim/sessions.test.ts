import { expect, test } from '@jest/globals';
import { SoapVimSession } from '../../../src/vim/index.js';
import { describePeer, exercised } from '../support/peer.js';
import { installVcsim, password, username, Vcsim } from './vcsim.js';

await describePeer('vcsim', installVcsim, (peer) => {
  test.each(['vcenter', 'esxi'] as const)('%s: logs in, by a pin or an authority, and out', async (mode) => {
    await using vcsim = await Vcsim.start(peer, { mode });
    const { host, port, thumbprint, ca } = vcsim.address;
    for (const trust of [{ thumbprint }, { ca }]) {
      await using vim = new SoapVimSession({ host, port, username, password, ...trust });
      await vim.connect();
      expect(vim.serviceContent.about.apiType).toBe(mode === 'esxi' ? 'HostAgent' : 'VirtualCenter');
    }
    exercised(peer, `${mode}: login and logout, pinned certificate or authority`, (await vcsim.requests()).all);
  });
});
