import { Command } from 'commander';
import { describeDisk } from '../describe.js';
import { withExamples } from '../examples.js';
import { perform } from '../perform.js';

export function decodeCommand(): Command {
  const command = new Command('decode')
    .description('decode a stream-optimized VMDK into a raw disk image, a sparse file')
    .argument('<vmdk>', 'the stream')
    .argument('<raw>', 'the image to write; one that is there is replaced when the new one is whole');
  return withExamples(command, 'vmdk-driver decode disk.vmdk disk.raw').action(
    perform(async ({ signal, output }, _options: object, vmdkPath = '', rawPath = '') => {
      const { decodeVmdk } = await import('../../vmdk/index.js');
      const info = await decodeVmdk(vmdkPath, rawPath, {
        signal,
        onProgress: (progress) => {
          output.progress.show({ phase: 'decode', ...progress });
        },
      });
      output.result(info, describeDisk(info));
      return 'done';
    }),
  );
}
