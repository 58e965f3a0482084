import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { programs } from '../support/cache-directory.js';
import { canValidate, complaintsAbout } from '../support/envelopes.js';
import { describePeer, exercised, pythonPackage } from '../support/peer.js';
import { ClientLab } from './support/client-lab.js';
import { run } from './support/run.js';

await describePeer(
  'pyvmomi',
  () => pythonPackage('pyvmomi'),
  (peer) => {
    test.each(['vcenter', 'esxi'] as const)('%s: looks, collects, reconfigures, exports and imports', async (mode) => {
      await using lab = await ClientLab.open(mode);
      const { host, port, username: user, password, thumbprintSha256, ca } = lab.simulator;
      const file = join(lab.directory, 'by-pyvmomi.vmdk');
      const thumbprint = thumbprintSha256.replaceAll(':', '').toLowerCase();
      const destroy = mode === 'vcenter';
      const server = { host, port, user, password, thumbprint, ca, vm: 'the volume', file, destroy };
      const { stdout, stderr, code } = await run(
        peer.python,
        [join(programs, 'pyvmomi_client.py')],
        {},
        JSON.stringify(server),
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const types = { name: 'str', 'runtime.powerState': 'vim.VirtualMachine.PowerState' };
      const collected = { ...types, 'config.hardware.device': 'vim.vm.device.VirtualDevice[]' };
      expect(JSON.parse(stdout)).toEqual({
        'other thumbprint': expect.stringContaining('thumbprint'),
        'wrong password': 'vim.fault.InvalidLogin',
        'api type': mode === 'vcenter' ? 'VirtualCenter' : 'HostAgent',
        clock: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        inventory: {
          folder: 'vm',
          datacenter: mode === 'vcenter' ? 'DC0' : 'ha-datacenter',
          cluster: mode === 'vcenter' ? 'Cluster0' : 'localhost.localdomain',
          host: [mode === 'vcenter' ? 'esx1.example' : 'localhost.localdomain', 'connected', false],
          networks: ['VM Network'],
          datastores: [['datastore1', 'VMFS', true]],
          power: 'poweredOff',
          status: 'green',
          summary: ['the volume', 1, 'toolsNotInstalled'],
          devices: [
            'vim.vm.device.VirtualDisk',
            'vim.vm.device.VirtualIDEController',
            'vim.vm.device.VirtualLsiLogicController',
          ],
        },
        collected: [[collected], [collected]],
        found: true,
        reconfigured: ['by pyVmomi', '1'],
        refused: 'memoryMB',
        exported: true,
        imported: 'imported',
        duplicate: ['the volume', true],
        vms: ['renamed', 'the volume'],
        ...(mode === 'vcenter' ? { gone: true } : {}),
      });

      const content = await lab.contentOf();
      expect(await lab.contentOfFile(file)).toBe(content);
      expect(await lab.contentOfFile(await lab.exportedByDriver())).toBe(content);
      if (mode === 'esxi') {
        expect(await lab.contentOf('renamed')).toBe(content);
        expect(lab.simulator.vm('renamed')!.disks[0]).toMatchObject({ provisioning: 'thin', adapterType: 'pvscsi' });
      }
      expect(lab.simulator.sessions()).toHaveLength(1);
      exercised(
        peer,
        `${mode}: views, property collector, tasks, export (the driver's bytes), import`,
        lab.clientCalls,
      );
      if (canValidate) expect(complaintsAbout(lab.exchanges)).toEqual([]);
    });
  },
);
