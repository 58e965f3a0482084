import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { sha256 } from '../../driver/support/lab.js';
import { canValidate, complaintsAbout } from '../support/envelopes.js';
import { describePeer, exercised, goProgram } from '../support/peer.js';
import { ClientLab } from './support/client-lab.js';
import { type Outcome, run } from './support/run.js';

await describePeer(
  'govc',
  () => goProgram('govc', 'github.com/vmware/govmomi'),
  (peer) => {
    /** govc, connected to a lab's simulator, which it knows by its certificate's thumbprint. */
    const govcOf = async ({ simulator, directory }: ClientLab, thumbprint = simulator.thumbprint) => {
      const known = join(directory, 'known-hosts');
      await writeFile(known, `${simulator.host}:${simulator.port} ${thumbprint}\n`);
      const env = {
        GOVC_URL: simulator.url,
        GOVC_USERNAME: simulator.username,
        GOVC_PASSWORD: simulator.password,
        GOVC_TLS_KNOWN_HOSTS: known,
        GOVC_PERSIST_SESSION: 'false',
        GOVC_DATASTORE: 'datastore1',
      };
      const attempt = (...args: string[]): Promise<Outcome> => run(peer.path, args, env);
      const govc = async (...args: string[]): Promise<string> => {
        const { code, stdout, stderr } = await attempt(...args);
        if (code !== 0) throw new Error(`govc ${args.join(' ')}: ${stderr}`);
        return stdout;
      };
      return { govc, attempt, env };
    };
    const lines = (text: string): string[] => text.trim().split('\n').sort();

    describe.each(['vcenter', 'esxi'] as const)('%s', (mode) => {
      const datacenter = mode === 'vcenter' ? 'DC0' : 'ha-datacenter';

      test('is looked at', async () => {
        await using lab = await ClientLab.open(mode);
        const { govc } = await govcOf(lab);
        expect(await govc('about')).toMatch(
          mode === 'vcenter' ? /API type: +VirtualCenter\n/ : /API type: +HostAgent\n/,
        );
        expect(lines(await govc('ls'))).toEqual(
          ['datastore', 'host', 'network', 'vm'].map((folder) => `/${datacenter}/${folder}`),
        );
        expect(lines(await govc('ls', 'vm', 'network'))).toEqual([
          `/${datacenter}/network/VM Network`,
          `/${datacenter}/vm/the volume`,
        ]);
        const info = await govc('vm.info', '-r', '-e', 'the volume');
        expect(info).toMatch(/Name: +the volume\n/);
        expect(info).toMatch(/Power state: +poweredOff\n/);
        expect(info).toMatch(new RegExp(`cinder.volume.id: +${lab.volume.id}\n`));
        expect(info).toMatch(/Storage: +datastore1\n/);
        expect(lines(await govc('datastore.ls'))).toEqual(['the volume']);
        expect(lines(await govc('datastore.ls', '-l', 'the volume')).map((line) => line.split(/ {2,}/).at(-1))).toEqual(
          ['the volume.vmdk', 'the volume.vmx'],
        );
        expect(await govc('datastore.ls', '-R', '-p')).toContain('the volume/');
        exercised(peer, `${mode}: about, ls, vm.info, datastore.ls`, lab.clientCalls);
        if (canValidate) expect(complaintsAbout(lab.exchanges)).toEqual([]);
      });

      test('is not spoken to where it is not who it should be', async () => {
        await using lab = await ClientLab.open(mode);
        const { attempt } = await govcOf(lab, lab.simulator.thumbprint.replaceAll(/\d/g, '0'));
        const { code, stderr } = await attempt('ls');
        expect(code).not.toBe(0);
        expect(stderr).toContain('thumbprint');
        expect(lab.clientCalls).toBe(0);

        const { env } = await govcOf(lab);
        const refused = await run(peer.path, ['ls'], { ...env, GOVC_PASSWORD: 'wrong' });
        expect(refused.code).not.toBe(0);
        expect(refused.stderr).toContain('incorrect user name or password');
        exercised(peer, `${mode}: another thumbprint, a wrong password`, lab.clientCalls + 1);
        if (canValidate) expect(complaintsAbout(lab.exchanges)).toEqual([]);
      });

      test('gives and takes disks', async () => {
        await using lab = await ClientLab.open(mode);
        const { govc, attempt } = await govcOf(lab);
        const exported = join(lab.directory, 'copy', 'copy.ovf');
        await govc('export.ovf', '-vm', 'the volume', '-name', 'copy', '-sha', '256', lab.directory);
        const vmdk = join(lab.directory, 'copy', 'copy-disk-0.vmdk');
        const content = await lab.contentOf();
        expect(await lab.contentOfFile(vmdk)).toBe(content);
        expect(await lab.contentOfFile(await lab.exportedByDriver())).toBe(content);
        expect(await readFile(join(lab.directory, 'copy', 'copy.mf'), 'utf8')).toContain(
          `SHA256(copy-disk-0.vmdk)= ${sha256(await readFile(vmdk))}\n`,
        );

        // -m: holds each file against the manifest it came with and against what the server says it has received.
        await govc('import.ovf', '-m', '-name', 'imported', exported);
        expect(await lab.contentOf('imported')).toBe(content);
        await writeFile(join(lab.directory, 'copy', 'copy.mf'), `SHA256(copy-disk-0.vmdk)= ${'0'.repeat(64)}\n`);
        const mismatch = await attempt('import.ovf', '-m', '-name', 'refused', exported);
        expect(mismatch.code).not.toBe(0);
        expect(mismatch.stderr).toContain('mismatch');
        expect(lab.simulator.vm('refused')).toBeUndefined();

        await govc('import.vmdk', vmdk, 'folder');
        expect(await lab.simulator.diskSha256('[datastore1] folder/copy-disk-0.vmdk')).toBe(content);
        expect(
          lab.simulator
            .vms()
            .map(({ name }) => name)
            .sort(),
        ).toEqual(['imported', 'the volume']);

        const clone = await attempt('vm.clone', '-on=false', '-vm', 'the volume', 'cloned');
        if (mode === 'vcenter') {
          expect(clone.code).toBe(0);
          expect(await lab.contentOf('cloned')).toBe(content);
          await govc('vm.destroy', 'cloned');
        } else {
          expect(clone.code).not.toBe(0);
          expect(clone.stderr).toContain('not supported');
        }
        await govc('vm.destroy', 'imported');
        expect(lab.simulator.vms().map(({ name }) => name)).toEqual(['the volume']);
        expect(lab.simulator.leases().map(({ kind, state }) => `${kind} ${state}`)).toEqual([
          'export done',
          'export done',
          'import done',
          'import error',
          'import done',
        ]);
        exercised(
          peer,
          `${mode}: export.ovf (the driver's bytes), import.ovf, import.vmdk, vm.clone, vm.destroy`,
          lab.clientCalls,
        );
        if (canValidate) expect(complaintsAbout(lab.exchanges)).toEqual([]);
      });
    });
  },
);
