import { expect, test } from '@jest/globals';
import { InvalidLoginError, TlsVerificationError, VimFault } from '../../../src/index.js';
import { readProperties, SoapVimSession } from '../../../src/vim/index.js';
import { refusal } from '../../driver/support/lab.js';
import { describePeer, exercised } from '../support/peer.js';
import { installVcsim, modes, password, username, Vcsim } from './vcsim.js';

await describePeer('vcsim', installVcsim, (peer) => {
  test.each(modes)('%s: logs in, by a pin or an authority, and out', async (mode) => {
    await using vcsim = await Vcsim.start(peer, { mode });
    const { host, port, thumbprint, ca } = vcsim.address;
    for (const trust of [{ thumbprint }, { ca }]) {
      await using vim = new SoapVimSession({ host, port, username, password, ...trust });
      await vim.connect();
      expect(vim.serviceContent.about.apiType).toBe(mode === 'esxi' ? 'HostAgent' : 'VirtualCenter');
      expect(await vcsim.sessions()).toBe(1);
    }
    expect(await vcsim.sessions()).toBe(0);
    exercised(peer, `${mode}: login and logout, pinned certificate or authority`, (await vcsim.requests()).all);
  });

  test.each(modes)('%s: refuses a wrong login, and is not trusted blindly', async (mode) => {
    await using vcsim = await Vcsim.start(peer, { mode });
    const { host, port, thumbprint } = vcsim.address;
    const refused = async (options: object) => {
      const vim = new SoapVimSession({ host, port, username, password, ...options });
      return refusal(() => vim.connect());
    };
    expect(await refused({ thumbprint, password: 'other' })).toBeInstanceOf(InvalidLoginError);
    expect(await refused({ thumbprint, username: 'other' })).toBeInstanceOf(InvalidLoginError);
    const answered = await vcsim.requests();
    expect(
      await refused({ thumbprint: thumbprint.replace(/^../, (byte) => (byte === '00' ? '01' : '00')) }),
    ).toBeInstanceOf(TlsVerificationError);
    expect(await refused({})).toBeInstanceOf(TlsVerificationError);
    // Not one byte of a request reached a server that was not the expected one.
    expect(await vcsim.requests()).toEqual(answered);
    exercised(peer, `${mode}: wrong user, password and certificate`, answered.all + 2);
  });

  test.each(modes)('%s: an ended session is renewed once, whoever notices', async (mode) => {
    await using vcsim = await Vcsim.start(peer, { mode });
    await using vim = await vcsim.connect();
    const folder = vim.serviceContent.rootFolder;
    const name = async () => (await readProperties(vim, folder, 'Folder', ['name'])).name;
    const expected = await name();
    for (let round = 0; round < 3; round++) {
      await vcsim.endSessions();
      expect(await Promise.all(Array.from({ length: 8 }, name))).toEqual(Array.from({ length: 8 }, () => expected));
      expect(await vcsim.sessions()).toBe(1);
    }
    exercised(peer, `${mode}: ended sessions, 8 calls at a time`, (await vcsim.requests()).all);
  });

  test.each(modes)('%s: a fault comes out as its type', async (mode) => {
    await using vcsim = await Vcsim.start(peer, { mode });
    await using vim = await vcsim.connect();
    const nobody = { type: 'VirtualMachine', value: 'vm-4711' };
    const faults = [
      await refusal(() => readProperties(vim, nobody, 'VirtualMachine', ['name'])),
      await refusal(() => vim.invoke('Destroy_Task', nobody, {})),
      await refusal(() => vim.invoke('ExportVm', nobody, {})),
    ];
    for (const fault of faults) {
      expect(fault).toBeInstanceOf(VimFault);
      expect(fault).toMatchObject({ faultName: 'ManagedObjectNotFound' });
    }
    exercised(peer, `${mode}: faults`, (await vcsim.requests()).all);
  });
});
