import { once } from 'node:events';
import { Command, Option } from 'commander';
import type { Simulator } from '../../simulator/index.js';
import { withExamples } from '../examples.js';
import { port } from '../parsers.js';
import { perform } from '../perform.js';

interface Options {
  readonly mode: 'vcenter' | 'esxi';
  readonly port: number;
}

/** The one volume there is at first. */
const volume = { id: '2b8e3a1c-6f0d-4d59-9d4e-1f0c7a5b9e21', sizeGiB: 1 };
const bytesPerGiB = 1024 ** 3;

/** As the operator reached this program, so that the line that is printed reaches it too. */
const typedName = process.env['npm_command'] === 'exec' ? 'npx vmdk-driver' : 'vmdk-driver';

/** vcsim's, which people know. */
const usualPort = 8989;

export function simulateCommand(): Command {
  const command = new Command('simulate')
    .description('run a simulated vCenter or ESXi host to play with, until Ctrl-C; it has a volume of 1 GiB')
    .addOption(new Option('--mode <mode>', 'which of the two').choices(['vcenter', 'esxi']).default('vcenter'))
    .option('--port <n>', 'the port on 127.0.0.1; 0: any that is free', port, usualPort);
  return withExamples(command, 'vmdk-driver simulate', 'vmdk-driver simulate --mode esxi --port 0 --json').action(
    perform(async ({ signal, output }, options: Options) => {
      const { startSimulator } = await import('../../simulator/index.js');
      // Nobody can ask this one for its calls.
      await using simulator = await startSimulator({ ...options, rememberedCalls: 0 });
      await addVolume(simulator);
      const { url, username, password, thumbprint, ca, mode } = simulator;
      const environment = {
        GOVC_URL: url,
        GOVC_USERNAME: username,
        GOVC_PASSWORD: password,
        VMDK_DRIVER_THUMBPRINT: thumbprint,
      };
      output.result({ url, username, password, thumbprint, ca, volume, environment }, [
        `${mode === 'vcenter' ? 'A vCenter' : 'An ESXi host'} is simulated at ${url} until Ctrl-C. In another terminal:`,
        '',
        ...Object.entries(environment).map(([name, value]) => `  export ${name}='${value}'`),
        `  ${typedName} backup --volume ${volume.id} --size ${volume.sizeGiB} --to file:backups`,
        '',
      ]);
      if (!signal.aborted) await once(signal, 'abort');
      return 'done';
    }),
  );
}

/** A volume as the driver makes it, with something on its disk. */
async function addVolume(simulator: Simulator): Promise<void> {
  const vm = await simulator.addVm({
    name: `volume-${volume.id}`,
    instanceUuid: volume.id,
    disk: { capacityBytes: volume.sizeGiB * bytesPerGiB },
    extraConfig: { 'cinder.volume.id': volume.id },
  });
  const [disk] = vm.disks;
  if (disk !== undefined) await simulator.writeDisk(disk.path, content());
}

/** Some MiB of text that compresses, though not to nothing. */
function content(): Buffer {
  const line = (n: number): string => `${n.toString().padStart(8)} The quick brown fox jumps over the lazy dog.\n`;
  return Buffer.from(Array.from({ length: 200_000 }, (_, n) => line(n)).join(''));
}
