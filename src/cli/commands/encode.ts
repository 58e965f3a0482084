import { Command } from 'commander';
import { describeDisk } from '../describe.js';
import { withExamples } from '../examples.js';
import { perform } from '../perform.js';

export function encodeCommand(): Command {
  const command = new Command('encode')
    .description('encode a raw disk image as a stream-optimized VMDK, as ESXi writes it')
    .argument('<raw>', 'the image')
    .argument('<vmdk>', 'the stream to write; one that is there is replaced when the new one is whole');
  return withExamples(command, 'vmdk-driver encode disk.raw disk.vmdk').action(
    perform(async ({ signal, output }, _options: object, rawPath = '', vmdkPath = '') => {
      const { encodeVmdk, inspectVmdk } = await import('../../vmdk/index.js');
      await encodeVmdk(rawPath, vmdkPath, {
        signal,
        onProgress: (progress) => {
          output.progress.show({ phase: 'encode', ...progress });
        },
      });
      const info = await inspectVmdk(vmdkPath, { signal });
      output.result(info, describeDisk(info));
      return 'done';
    }),
  );
}
