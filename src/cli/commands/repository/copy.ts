import { Command } from 'commander';
import { withExamples } from '../../examples.js';
import { perform } from '../../perform.js';
import { openRepository, parseStoreUrl, storeAccess, storeUrlHelp, withPassphrase } from '../../store-url.js';

interface Options {
  readonly backup: string;
  readonly volume: string;
  readonly from: string;
  readonly to: string;
  readonly passphraseFile?: string;
  readonly toPassphraseFile?: string;
}

export function copyCommand(): Command {
  const command = new Command('copy')
    .description('copy a backup into another repository')
    .requiredOption('--backup <id>', "the backup's id")
    .requiredOption('--volume <id>', 'the volume the backup was taken of')
    .requiredOption('--from <url>', 'the repository that has it')
    .requiredOption('--to <url>', 'the one that is to have it');
  withPassphrase(command)
    .option('--to-passphrase-file <file>', 'the same of the other repository (VMDK_DRIVER_TO_PASSPHRASE)')
    .addHelpText('after', storeUrlHelp);
  return withExamples(
    command,
    'vmdk-driver repository copy --backup before-upgrade --volume 2b8e3a1c-6f0d-4d59-9d4e-1f0c7a5b9e21 --from file:/srv/repository --to file:/srv/second',
  ).action(
    perform(async ({ signal, output }, options: Options) => {
      const { backup: id, volume: volumeId, from, to } = options;
      const other = { option: '--to-passphrase-file', name: 'VMDK_DRIVER_TO_PASSPHRASE' };
      const source = await openRepository(parseStoreUrl(from), await storeAccess(options.passphraseFile));
      const target = await openRepository(parseStoreUrl(to), await storeAccess(options.toPassphraseFile, other));
      await source.copyTo(target, { id, volumeId }, { signal });
      output.result({ copied: { id, volumeId } }, [`backup ${id} of volume ${volumeId} is copied to ${to}`]);
      return 'done';
    }),
  );
}
