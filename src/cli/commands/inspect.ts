import { Command } from 'commander';
import { describeDisk } from '../describe.js';
import { withExamples } from '../examples.js';
import { perform } from '../perform.js';

export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description('check the structure of a stream-optimized VMDK and say what it is')
    .argument('<vmdk>', 'the file');
  return withExamples(command, 'vmdk-driver inspect disk.vmdk', 'vmdk-driver inspect disk.vmdk --json').action(
    perform(async ({ signal, output }, _options: object, path = '') => {
      const { inspectVmdk } = await import('../../vmdk/index.js');
      const info = await inspectVmdk(path, {
        signal,
        onProgress: (progress) => {
          output.progress.show({ phase: 'inspect', ...progress });
        },
      });
      output.result(info, describeDisk(info));
      return 'done';
    }),
  );
}
