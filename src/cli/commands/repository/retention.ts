import { Command } from 'commander';
import { table } from '../../describe.js';
import { withExamples } from '../../examples.js';
import { perform } from '../../perform.js';
import { retentionOf, type RetentionOptions, withRetention } from '../../retention-options.js';
import { openRepository, parseStoreUrl, storeAccess, withPassphrase } from '../../store-url.js';

interface Options extends RetentionOptions {
  readonly passphraseFile?: string;
}

export function retentionCommand(): Command {
  const command = new Command('retention')
    .description('delete the backups that no rule keeps, volume by volume')
    .argument('<url>', 'the repository');
  return withExamples(
    withPassphrase(withRetention(command)),
    'vmdk-driver repository retention file:/srv/repository --daily 7 --weekly 4 --monthly 12 --dry-run',
    'vmdk-driver repository retention file:/srv/repository --keep-last 3 --pin before-upgrade',
  ).action(
    perform(async ({ signal, output }, options: Options, url = '') => {
      const { volume: volumeId, dryRun } = options;
      const repository = await openRepository(parseStoreUrl(url), await storeAccess(options.passphraseFile));
      const decisions = await repository.applyRetention(retentionOf(options), { volumeId, dryRun, signal });
      output.result({ decisions }, [
        ...(decisions.length === 0
          ? ['there is no backup']
          : table(
              ['', 'BACKUP', 'VOLUME', 'STORED', 'WHY'],
              decisions.map(({ keep, backupId, volumeId: ofVolume, committedAt, reasons }) => [
                keep ? 'kept' : 'deleted',
                backupId,
                ofVolume,
                committedAt.toISOString().replace(/\.\d+Z$/, 'Z'),
                reasons.join(', '),
              ]),
            )),
        ...(dryRun === true ? ['nothing was done: --dry-run'] : []),
      ]);
      return 'done';
    }),
  );
}
