import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { programs } from '../support/cache-directory.js';
import { canValidate, complaintsAbout } from '../support/envelopes.js';
import { describePeer, exercised, pythonPackage } from '../support/peer.js';
import { ClientLab } from './support/client-lab.js';
import { run } from './support/run.js';

await describePeer(
  'oslo.vmware',
  () => pythonPackage('oslo.vmware'),
  (peer) => {
    test.each(['vcenter', 'esxi'] as const)('%s: retrieves, copies a disk out, and two in', async (mode) => {
      await using lab = await ClientLab.open(mode);
      const { host, port, username: user, password, ca } = lab.simulator;
      const file = join(lab.directory, 'by-oslo.vmdk');
      const { stdout, stderr, code } = await run(
        peer.python,
        ['-W', 'ignore', join(programs, 'oslo_vmware_client.py')],
        {},
        JSON.stringify({ host, port, user, password, ca, file }),
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(JSON.parse(stdout)).toEqual({
        'wrong password': ['InvalidLogin'],
        'api type': mode === 'vcenter' ? 'VirtualCenter' : 'HostAgent',
        objects: [{ name: 'the volume', 'runtime.powerState': 'poweredOff' }],
        disk: [64 * 1024, 'VirtualDiskFlatVer2BackingInfo', true],
        PUT: 'by PUT',
        POST: 'by POST',
        renamed: 'success',
        duplicate: 'DuplicateName',
        destroyed: 'success',
        gone: 'ManagedObjectNotFoundException',
      });

      const content = await lab.contentOf();
      expect(await lab.contentOfFile(file)).toBe(content);
      expect(await lab.contentOfFile(await lab.exportedByDriver())).toBe(content);
      expect(await lab.contentOf('by PUT')).toBe(content);
      // Uploaded by PUT, a thin disk becomes a thick one.
      expect(lab.simulator.vm('by PUT')!.disks[0]!.provisioning).toBe('thick');
      // oslo.vmware holds the stream's length against the disk's capacity, and so takes every export for incomplete.
      expect(lab.simulator.leases().map(({ kind, state, error }) => [kind, state, error])).toEqual([
        ['export', 'error', 'RequestCanceled'],
        ['import', 'done', undefined],
        ['import', 'done', undefined],
        ['export', 'done', undefined],
      ]);
      // It sends the session's cookie along where disks move. This library, whose export is the last, does so only where it
      // is the server that the session is with.
      const cookies = lab.simulator.leases().map(({ transfers }) => transfers[0]!.cookieReceived);
      expect(cookies).toEqual([true, true, true, mode === 'esxi']);
      exercised(
        peer,
        `${mode}: session, vim_util, copy_stream_optimized_disk (the driver's bytes), download_stream_optimized_data`,
        lab.clientCalls,
      );
      if (canValidate) expect(complaintsAbout(lab.exchanges)).toEqual([]);
    });
  },
);
